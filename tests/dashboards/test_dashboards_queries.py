"""From a panel to its search, and from the answer to rows and series."""

from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.alerts import AlertState
from contracts.dead_letters import Reason
from contracts.events import Role
from contracts.model_events import ModelEventKind
from contracts.release_rules import HIGHER_IS_BETTER, LOWER_IS_BETTER
from contracts.settings import load_settings
from elk.dashboards import Dashboard, Panel, Span, dashboards, query, rows, series
from elk.dashboards.answers import columns, is_empty
from elk.dashboards.data_views import data_views
from elk.dashboards.fields import field_type
from elk.dashboards.intervals import MOST_BUCKETS, interval, milliseconds
from elk.dashboards.kql import kql, read_kql
from elk.dashboards.panels import Filter, Metric, OverTime, Ranges, Terms
from elk.dashboards.values import NAMES
from prediction_log.window_documents import State

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Span(START, START + timedelta(days=1))
VALUES = {
    "alert.state": get_args(AlertState),
    "dead_letter.reason": get_args(Reason),
    "model.role": get_args(Role),
    "model_event.kind": get_args(ModelEventKind),
    "verdict.state": get_args(State),
}


def panel(**parts: Any) -> Panel:
    made = {"id": "p", "title": "T", "question": "Q?", "kind": "predictions", "chart": "line"}
    return Panel(**(made | parts))


def bucket(**parts: Any) -> dict[str, Any]:
    return {"doc_count": 1, **parts}


def answer(total: int = 0, **aggregations: Any) -> dict[str, Any]:
    return {"hits": {"total": {"value": total}}, "aggregations": aggregations}


def test_alerts_are_found_by_their_window_and_all_else_by_its_timestamp() -> None:
    """A replay of the past raises its alerts today."""
    views = {view["id"]: view["attributes"] for view in data_views(load_settings())}
    for kind, field in (("alerts", "window.end"), ("drift", "@timestamp")):
        assert views[f"millrace-{kind}"]["timeFieldName"] == field
        body = query(panel(kind=kind, chart="documents"), DAY)
        assert list(body["query"]["bool"]["filter"][0]["range"]) == [field]
        assert body["sort"] == [{field: "desc"}]


def test_the_time_and_what_readers_chose_are_filters() -> None:
    body = query(panel(filters=(Filter("a", ("x",), other=True),)), DAY, {"m": ["1", "2"], "n": []})
    time, own, chosen = body["query"]["bool"]["filter"]
    assert time["range"]["@timestamp"]["gte"] == START.timestamp() * 1000
    assert time["range"]["@timestamp"]["lt"] - time["range"]["@timestamp"]["gte"] == 86_400_000
    assert own == {"bool": {"must_not": [{"terms": {"a": ["x"]}}]}}
    assert chosen == {"terms": {"m": ["1", "2"]}}


def test_what_splits_a_chart_is_counted_over_the_whole_time() -> None:
    body = query(panel(metrics=(Metric("n"),), by=(OverTime(), Terms("f", "F"))), DAY)
    outer = body["aggs"]["by0"]
    assert "terms" in outer
    assert outer["aggs"]["by1"]["date_histogram"]["fixed_interval"] == "30m"


def test_terms_ordered_by_a_figure_have_it_beside_them() -> None:
    metrics = (Metric("worst", "max", "r"),)
    body = query(panel(metrics=metrics, by=(OverTime(), Terms("f", "F", by=0))), DAY)
    outer = body["aggs"]["by0"]
    assert outer["terms"]["order"] == {"metric0": "desc"}
    assert outer["aggs"]["metric0"] == {"max": {"field": "r"}}
    assert outer["aggs"]["by1"]["aggs"]["metric0"] == {"max": {"field": "r"}}


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (timedelta(minutes=1), "1s"),
        (timedelta(hours=1), "1m"),
        (timedelta(days=1), "30m"),
        (timedelta(days=90), "1d"),
        (timedelta(days=7305), "365d"),
    ],
)
def test_an_interval_cuts_a_time_into_at_most_100(length: timedelta, expected: str) -> None:
    span = Span(START, START + length)
    assert interval(span) == expected
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86_400}[expected[-1]] * int(expected[:-1])
    assert length.total_seconds() <= seconds * MOST_BUCKETS


def test_a_table_keeps_the_order_of_its_breakdowns() -> None:
    shown = panel(
        chart="table",
        metrics=(Metric("Count"), Metric("Mean", "average", "c")),
        by=(Terms("v", "Version"), Terms("r", "Role")),
    )
    inside = {"buckets": [bucket(key="champion", doc_count=7, metric1={"value": 0.5})]}
    found = answer(7, by0={"buckets": [bucket(key="2", by1=inside)]})
    assert columns(shown) == ("Version", "Role", "Count", "Mean")
    assert rows(shown, found) == [("2", "champion", 7.0, 0.5)]


def test_a_chart_has_a_series_per_term_and_metric() -> None:
    shown = panel(
        metrics=(Metric("a", "percentile", "x", percent=50), Metric("b", "percentile", "x", 99)),
        by=(OverTime(), Terms("r", "Role")),
    )
    at = {"key": START.timestamp() * 1000}
    values = {"metric0": {"values": [{"key": 50.0, "value": 1.5}]}, "metric1": {"values": []}}
    inside = {"buckets": [bucket(**at, **values)], "meta": {"seconds": 60}}
    found = series(shown, answer(1, by0={"buckets": [bucket(key="canary", by1=inside)]}))
    assert [one.name for one in found] == ["canary · a", "canary · b"]
    assert (found[0].points[0].x, found[0].points[0].y) == (START, 1.5)
    assert found[1].points[0].y is None


def test_a_rate_is_per_second_of_its_interval() -> None:
    shown = panel(metrics=(Metric("per s", "rate"),), by=(OverTime(),))
    found = {"buckets": [bucket(key=0, doc_count=120)], "meta": {"seconds": 60}}
    ((only,),) = [one.points for one in series(shown, answer(120, by0=found))]
    assert only.y == 2.0


def test_weeks_that_the_time_cuts_are_left_out() -> None:
    shown = panel(metrics=(Metric("n"),), by=(OverTime("Week", "week"),))
    week = 7 * 24 * 3600 * 1000
    inside = [week, 3 * week + 1]

    def counts(*documents: int) -> list[float | None]:
        buckets = [bucket(key=n * week, doc_count=d) for n, d in enumerate(documents)]
        found = {"buckets": buckets, "meta": {"seconds": week // 1000, "within": inside}}
        (only,) = series(shown, answer(0, by0=found))
        return [point.y for point in only.points]

    assert counts(5, 6, 7, 8) == [6.0, 7.0]
    # Where nothing is left, what is cut is better than nothing.
    assert counts(5, 0, 0, 8) == [5.0, 0.0, 0.0, 8.0]
    asked = query(shown, Span(START, START + timedelta(days=30)))
    assert asked["aggs"]["by0"]["meta"]["within"] == [
        milliseconds(START),
        milliseconds(START + timedelta(days=30)),
    ]
    auto = query(panel(metrics=(Metric("n"),), by=(OverTime(),)), Span(START, START + timedelta(1)))
    assert "within" not in auto["aggs"]["by0"]["meta"]


def test_ranges_and_truth_values_are_named_for_people() -> None:
    shown = panel(
        chart="shares",
        metrics=(Metric("n"),),
        by=(Ranges("c", "Confidence", (0.5, 0.6)), Terms("outcome.correct", "Right")),
    )
    inside = {"buckets": [{"key": "x", "from": 0.5, "to": 0.6, "doc_count": 3}]}
    terms = {"buckets": [{"key": 1, "key_as_string": "true", "doc_count": 3, "by1": inside}]}
    assert rows(shown, answer(3, by0=terms)) == [("0.5 to 0.6", "right", 3.0)]


def test_words_stand_for_all_values_there_are_and_for_no_others() -> None:
    assert set(NAMES["verdict.state"]) == set(get_args(State))
    assert set(NAMES["outcome.correct"]) == {"true", "false"}


def test_documents_are_rows_and_no_series() -> None:
    shown = panel(chart="documents", columns=("event.id", "label.value"))
    hit = {"_source": {"@timestamp": "2026-03-01", "event": {"id": "e1"}}}
    assert rows(shown, {"hits": {"hits": [hit]}}) == [("2026-03-01", "e1", None)]
    with pytest.raises(ValueError, match="ask for its rows"):
        series(shown, {"hits": {"hits": []}})


def test_nothing_counted_is_empty_and_a_mean_of_0_is_not() -> None:
    counted, mean = panel(metrics=(Metric("n"),)), panel(metrics=(Metric("m", "average", "x"),))
    assert is_empty(counted, answer(0))
    assert not is_empty(counted, answer(3))
    assert is_empty(mean, answer(3, metric0={"value": None}))
    assert not is_empty(mean, answer(3, metric0={"value": 0.0}))


FILTERS = st.builds(
    Filter,
    st.sampled_from(sorted(VALUES)),
    st.lists(st.text(max_size=8), max_size=3).map(tuple),
    st.booleans(),
)


@given(st.lists(FILTERS, max_size=4))
def test_a_filter_in_kibana_s_language_says_the_same(filters: list[Filter]) -> None:
    assert read_kql(kql(filters)) == tuple(filters)


def test_filters_ask_for_values_that_there_are() -> None:
    """A filter on `swaped` would be valid, and for ever empty."""
    for board in dashboards():
        for shown in board.panels:
            for one in shown.filters:
                assert set(one.values) <= set(VALUES.get(one.field, one.values)), (
                    f"{board.id}/{shown.id}"
                )


def test_what_a_click_opens_can_be_narrowed_by_what_was_clicked() -> None:
    """Else the dashboard that opens would be empty: its documents do not have the field."""
    by_id = {board.id: board for board in dashboards()}
    for board in dashboards():
        for shown in board.panels:
            if shown.opens is not None:
                clicked = [part.field for part in shown.by if isinstance(part, Terms)]
                assert clicked, f"{board.id}/{shown.id} has nothing to click on"
                opened = by_id[shown.opens]
                assert all(opened.narrows(field) for field in clicked), f"{board.id}/{shown.id}"


def test_ids_and_titles_tell_dashboards_and_panels_apart() -> None:
    assert len({board.id for board in dashboards()}) == len(dashboards())
    for board in dashboards():
        assert len({shown.id for shown in board.panels}) == len(board.panels)
        assert all(shown.question.strip().endswith(("?", ".")) for shown in board.panels)


def test_dashboards_can_be_sent_to_a_browser() -> None:
    sent = msgspec.json.encode(dashboards())
    assert msgspec.json.decode(sent, type=tuple[Dashboard, ...]) == dashboards()


def test_every_metric_on_labels_is_mapped_before_the_first_document_has_it() -> None:
    for name in HIGHER_IS_BETTER | LOWER_IS_BETTER:
        assert field_type(f"performance.metrics.{name}") == "double"
