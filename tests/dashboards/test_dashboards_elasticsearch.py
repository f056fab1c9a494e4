"""Every panel on a real Elasticsearch with documents of every kind: it is answered, has something
to show, and Kibana's way and our own to its figures agree."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
import pytest
from dashboards.seeded import EVENT, seed
from elasticsearch import Elasticsearch
from leftovers import delete_documents
from real_stack import RealStack

from contracts.settings import Settings, load_settings
from elk.dashboards import Span, dashboards, query, rows, series
from elk.dashboards.answers import columns, is_empty
from elk.dashboards.checking.running import innermost, questions, run
from elk.dashboards.panels import Dashboard, Filter, Panel
from elk.dashboards.rules import RULES, rule_body
from elk.dashboards.saved_objects import as_ndjson, saved_objects
from prediction_log.client import connect
from prediction_log.indices import IndexNames
from prediction_log.template import install_template

pytestmark = pytest.mark.stack
PANELS = [(board, panel) for board in dashboards() for panel in board.panels]


class Seeded(NamedTuple):
    """A client, the settings of its indices, and the time in which documents are."""

    client: Elasticsearch
    settings: Settings
    span: Span

    def ask(self, panel: Panel, filters: dict[str, list[str]] | None = None) -> dict[str, Any]:
        index = IndexNames(self.settings).pattern(panel.kind)
        return self.client.search(index=index, body=query(panel, self.span, filters)).body


@pytest.fixture(scope="module")
def seeded(stack: RealStack) -> Iterator[Seeded]:
    settings = load_settings(
        elasticsearch=stack.elasticsearch,
        bootstrap_servers=stack.bootstrap_servers,
        index_prefix=f"t{uuid.uuid4().hex[:12]}",
    )
    install_template(settings)
    client = connect(settings)
    now = datetime.now(UTC)
    seed(client, settings, now)
    yield Seeded(client, settings, Span(now - timedelta(hours=24), now))
    client.close()
    delete_documents(settings)


def named(case: tuple[Dashboard, Panel]) -> str:
    return f"{case[0].id}/{case[1].id}"


def test_kibana_would_show_something_in_every_panel(seeded: Seeded) -> None:
    ndjson = as_ndjson(saved_objects(seeded.settings, dashboards()))
    asked = list(questions(ndjson))
    assert len(asked) == len(PANELS)
    assert run(seeded.client, asked, require_data=True) == []


def test_no_panel_is_empty_by_our_own_query(seeded: Seeded) -> None:
    empty = [named(case) for case in PANELS if is_empty(case[1], seeded.ask(case[1]))]
    assert empty == []


def test_kibana_s_way_and_ours_lead_to_the_same_figures(seeded: Seeded) -> None:
    ndjson = as_ndjson(saved_objects(seeded.settings, dashboards()))
    asked = [q for q in questions(ndjson, seeded.span) if "aggs" in q.body]
    ours = [case for case in PANELS if case[1].chart != "documents"]
    for question, case in zip(asked, ours, strict=True):
        theirs = seeded.client.search(index=question.index, body=question.body).body
        assert _figures(theirs) == _figures(seeded.ask(case[1])), named(case)


def test_every_control_leaves_every_panel_something(seeded: Seeded) -> None:
    """A control for a field that a panel's documents lack would empty it."""
    emptied = [
        f"{named((board, panel))} by {control.field}"
        for board, panel in PANELS
        for control in board.controls
        if is_empty(panel, seeded.ask(_with(panel, control.field)))
    ]
    assert emptied == []


def test_one_event_is_found_in_all_kinds_that_know_of_events(seeded: Seeded) -> None:
    (board,) = (one for one in dashboards() if one.id == "one-event")
    for panel in board.panels:
        found = rows(panel, seeded.ask(panel, {"event.id": [EVENT]}))
        place = columns(panel).index("event.id")
        assert {row[place] for row in found} == {EVENT}, panel.id


def test_a_rule_s_query_finds_what_it_groups_by(seeded: Seeded) -> None:
    for rule in RULES:
        params = rule_body(seeded.settings, rule)["params"]
        figure = {"max": {"field": rule.time_field}}
        if "aggField" in params:
            figure = {params["aggType"]: {"field": params["aggField"]}}
        groups = {"terms": {"field": params["termField"]}, "aggs": {"figure": figure}}
        body = {"size": 0, **json.loads(params["esQuery"]), "aggs": {"groups": groups}}
        answer = seeded.client.search(index=",".join(params["index"]), body=body).body
        buckets = answer["aggregations"]["groups"]["buckets"]
        assert buckets, rule.id
        assert all(bucket["figure"]["value"] is not None for bucket in buckets), rule.id


def test_a_check_says_which_panel_elasticsearch_refuses(seeded: Seeded) -> None:
    ndjson = as_ndjson(saved_objects(seeded.settings, dashboards()))
    first = next(iter(questions(ndjson)))
    wrong = msgspec.structs.replace(
        first, body={"aggs": {"a": {"avg": {"field": "model.name"}}}, "size": 0}
    )
    (problem,) = run(seeded.client, [wrong])
    assert "Predictions" in problem
    assert "keyword" in problem


def test_a_check_for_data_says_which_panel_is_empty(seeded: Seeded) -> None:
    ndjson = as_ndjson(saved_objects(seeded.settings, dashboards()))
    long_ago = Span(datetime(2001, 1, 1, tzinfo=UTC), datetime(2001, 1, 2, tzinfo=UTC))
    asked = list(questions(ndjson, long_ago))
    assert run(seeded.client, asked) == []
    assert len(run(seeded.client, asked, require_data=True)) == len(asked)


def test_a_chart_has_a_series_for_each_role(seeded: Seeded) -> None:
    (panel,) = (p for board, p in PANELS if named((board, p)) == "models/confidence-over-time")
    found = series(panel, seeded.ask(panel, {"model.name": ["flights"]}))
    assert {one.name for one in found} == {"champion", "canary", "shadow"}
    values = [p.y for one in found for p in one.points if p.y is not None]
    assert all(0.5 < value < 1 for value in values)
    assert len({point.x for one in found for point in one.points}) > 12


def _with(panel: Panel, field: str) -> Panel:
    return msgspec.structs.replace(panel, filters=(*panel.filters, Filter(field)))


def _figures(answer: dict[str, Any]) -> list[Any]:
    """Counts and values in the order of the buckets, whatever the aggregations are called."""
    total = answer["hits"]["total"]["value"]
    whole = {**answer.get("aggregations", {}), "doc_count": total}
    return [
        (bucket["doc_count"], sorted(json.dumps(v) for v in bucket.values() if isinstance(v, dict)))
        for bucket in innermost(whole)
    ]
