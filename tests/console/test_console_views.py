"""What a page shows of an answer, in the order and the words of people."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from elk.console.charts import chart
from elk.console.choices import read_choices
from elk.console.one_event import leaves
from elk.console.panel_views import views
from elk.console.words import natural
from elk.dashboards import Panel, Span, dashboards
from elk.dashboards.panels import Metric, OverTime, Ranges, Terms

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = Span(START, START + timedelta(days=1))
OVERVIEW = dashboards()[0]
HOSTILE = "<img src=x onerror=alert(1)>"


def panel(**parts: Any) -> Panel:
    made = {"id": "p", "title": "T", "question": "Q?", "kind": "predictions", "chart": "line"}
    return Panel(**(made | {"metrics": (Metric("n"),)} | parts))


def split(*names: str, inner: list[dict[str, Any]]) -> dict[str, Any]:
    buckets = [{"key": name, "doc_count": 3, "by1": {"buckets": inner}} for name in names]
    return {"hits": {"total": {"value": 9}}, "aggregations": {"by0": {"buckets": buckets}}}


def at(*hours: int) -> list[dict[str, Any]]:
    return [
        {"key": (START + timedelta(hours=hour)).timestamp() * 1000, "doc_count": 2}
        for hour in hours
    ]


def test_versions_are_in_the_order_of_people_and_roles_before_all() -> None:
    assert sorted(["10", "9", "shadow", "canary", "champion", "1a"], key=natural) == [
        "champion",
        "canary",
        "shadow",
        "1a",
        "9",
        "10",
    ]


def test_a_line_is_drawn_over_the_whole_time_in_utc() -> None:
    shown = panel(by=(OverTime(), Terms("v", "Version")))
    drawn = chart(shown, split("10", "9", inner=at(0, 1)), DAY)
    assert [trace["name"] for trace in drawn["data"]] == ["9", "10"]
    assert drawn["data"][0]["x"] == ["2026-03-01T00:00:00.000", "2026-03-01T01:00:00.000"]
    assert drawn["layout"]["xaxis"]["range"] == [
        "2026-03-01T00:00:00.000",
        "2026-03-02T00:00:00.000",
    ]


def test_a_name_of_a_stranger_is_text_in_charts_and_tables() -> None:
    shown = panel(by=(OverTime(), Terms("v", "V")))
    (view,) = views(shown, split(HOSTILE, inner=at(0)), DAY)
    assert view.chart is not None
    assert view.chart["data"][0]["name"] == "&lt;img src=x onerror=alert(1)&gt;"
    assert view.rows[0][1] == HOSTILE


def test_ranges_of_a_heatmap_rise() -> None:
    shown = panel(chart="heatmap", by=(OverTime(), Ranges("c", "Confidence", (0, 0.5, 0.9, 1))))
    buckets = [
        {"key": "x", "from": low, "to": high, "doc_count": 1, "by1": {"buckets": at(hour)}}
        for hour, (low, high) in enumerate(((0.9, 1), (0, 0.5), (0.5, 0.9)))
    ]
    answer = {"hits": {"total": {"value": 3}}, "aggregations": {"by0": {"buckets": buckets}}}
    (trace,) = chart(shown, answer, DAY)["data"]
    assert trace["y"] == ["0 to 0.5", "0.5 to 0.9", "0.9 to 1"]
    assert trace["z"] == [[None, 2.0, None], [None, None, 2.0], [2.0, None, None]]


def test_bars_of_versions_stand_in_the_order_of_people_and_others_by_size() -> None:
    answer = {
        "hits": {"total": {"value": 3}},
        "aggregations": {"by0": {"buckets": [{"key": k, "doc_count": 1} for k in ("10", "9")]}},
    }
    of_versions = panel(chart="bar", by=(Terms("model.version", "Version"),))
    assert chart(of_versions, answer, DAY)["layout"]["xaxis"]["categoryarray"] == ["9", "10"]
    of_reasons = panel(chart="bar", by=(Terms("dead_letter.reason", "Reason"),))
    axis = chart(of_reasons, answer, DAY)["layout"]["xaxis"]
    assert (axis["categoryorder"], axis["title"]) == ("total descending", {"text": "Reason"})


def test_a_heatmap_has_no_columns_of_nothing_and_few_cells_say_their_figure() -> None:
    shown = panel(
        chart="heatmap",
        metrics=(Metric("m", "max", "verdict.ratio"),),
        by=(OverTime(), Terms("s", "Signal")),
    )
    buckets = [{**bucket, "metric0": {"value": None}} for bucket in at(0, 1, 2)]
    buckets[1]["metric0"]["value"] = 0.7
    (alone,) = chart(shown, split("amount", inner=buckets), DAY)["data"]
    assert alone["z"] == [[None, 0.7, None]]  # it would have no width without its neighbours
    buckets[2]["metric0"]["value"] = 0.9
    (trace,) = chart(shown, split("amount", inner=buckets), DAY)["data"]
    assert trace["x"] == ["2026-03-01T01:00:00.000", "2026-03-01T02:00:00.000"]
    assert trace["z"] == [[0.7, 0.9]]
    assert "texttemplate" in trace


def test_the_table_of_a_chart_is_in_the_order_of_people_and_says_nothing_of_nothing() -> None:
    shown = panel(
        metrics=(Metric("m", "max", "verdict.ratio", decimals=1),),
        by=(OverTime(), Terms("v", "Version")),
    )
    buckets = [{**bucket, "metric0": {"value": None}} for bucket in at(0, 1)]
    buckets[0]["metric0"]["value"] = 0.5
    (view,) = views(shown, split("10", "9", inner=buckets), DAY)
    assert [row[1:] for row in view.rows] == [["9", "0.5"], ["10", "0.5"]]


def test_a_value_far_out_takes_no_colours_from_the_others() -> None:
    shown = panel(chart="heatmap", by=(OverTime(), Terms("s", "Signal")), ceiling=2)
    (trace,) = chart(shown, split("amount", inner=at(0)), DAY)["data"]
    assert (trace["zmin"], trace["zmax"]) == (0, 2)
    assert trace["colorbar"]["tickvals"] == [0, 0.5, 1, 1.5, 2]
    assert trace["colorbar"]["ticktext"][-1] == "2 and more"


def test_a_click_on_a_value_opens_the_other_dashboard_narrowed_by_it() -> None:
    shown = panel(chart="table", opens="models", by=(Terms("model.name", "M"),))
    answer = {
        "hits": {"total": {"value": 1}},
        "aggregations": {"by0": {"buckets": [{"key": "a&b=c", "doc_count": 1}]}},
    }
    (view,) = views(shown, answer, DAY)
    assert msgspec.to_builtins(view.rows[0][0]) == {
        "text": "a&b=c",
        "href": "/models?model.name=a%26b%3Dc",
    }


def test_an_event_id_leads_to_all_that_is_known_of_it() -> None:
    shown = panel(chart="documents", metrics=(), columns=("event.id", "label.value"))
    hit = {"_source": {"@timestamp": "2026-03-01T01:02:03Z", "event": {"id": 'a/"?&b'}}}
    (view,) = views(shown, {"hits": {"hits": [hit]}}, DAY)
    # A column that no document has is left out.
    assert view.columns == ["Time", "Event id"]
    assert view.rows[0][0] == "2026-03-01 01:02:03"
    assert msgspec.to_builtins(view.rows[0][1])["href"] == "/one-event?event.id=a%2F%22%3F%26b"


def test_nothing_found_is_no_view_unless_it_was_to_be_counted() -> None:
    nothing = {"hits": {"total": {"value": 0}}}
    assert views(panel(by=(OverTime(),)), nothing, DAY) == []
    mean = panel(chart="metric", metrics=(Metric("m", "average", "x"),))
    assert views(mean, nothing, DAY) == []
    (counted,) = views(panel(chart="metric"), nothing, DAY)
    assert [tile.value for tile in counted.tiles] == ["0"]


def test_without_a_choice_all_time_is_shown() -> None:
    assert read_choices([], OVERVIEW).span is None
    assert read_choices([("range", "")], OVERVIEW).span is None


def test_a_time_without_a_zone_is_utc() -> None:
    query = [("range", "absolute"), ("from", "2026-03-01T00:00"), ("to", "2026-03-02T01:00+01:00")]
    assert read_choices(query, OVERVIEW).span == DAY


def test_only_what_the_dashboard_is_narrowed_by_narrows_it() -> None:
    query = [("model.name", "a"), ("model.name", "b"), ("model.version", ""), ("_index", "x")]
    assert read_choices(query, OVERVIEW).filters == {"model.name": ["a", "b"]}


def test_a_document_is_told_leaf_by_leaf() -> None:
    document = {"a": {"b": 1, "c": [1, 2]}, "d": [{"e": "x"}, {"e": "y"}], "f": []}
    assert list(leaves("", document)) == [
        ("a.b", 1),
        ("a.c", "1, 2"),
        ("d[0].e", "x"),
        ("d[1].e", "y"),
        ("f", ""),
    ]
