"""Every panel asked of Elasticsearch, as Kibana would ask within the dashboard's own time."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from elasticsearch import ApiError, Elasticsearch
from msgspec import Struct

from elk.dashboards.checking.reading import ReadObject, layers, lens_state, panel_name, read
from elk.dashboards.checking.translation import layer_search, search_query, span_of
from elk.dashboards.intervals import Span
from prediction_log.client import reason

_ZERO_WHERE_NOTHING_IS = frozenset({"count", "unique_count"})


class Question(Struct, frozen=True):
    """The search behind a panel; `metrics` are the columns that must have values, by id."""

    panel: str
    index: str
    body: dict[str, Any]
    metrics: dict[str, Any]


def questions(ndjson: bytes, span: Span | None = None) -> Iterator[Question]:
    """What all panels of a file without problems ask.

    Args:
        span: instead of the time that each dashboard shows at first.
    """
    objects, _ = read(ndjson)
    by_id = {(found.body["type"], found.body["id"]): found for found in objects}
    for board in (found for found in objects if found.body["type"] == "dashboard"):
        given = {
            reference["name"]: by_id[reference["type"], reference["id"]]
            for reference in board.body["references"]
        }
        time = span or span_of(board.body["attributes"])
        for panel in board.panels:
            name = f"{board.name}: {panel_name(panel)}"
            if panel["type"] == "search":
                found = given[f"{panel['panelIndex']}:{panel['panelRefName']}"]
                yield _of_search(name, found, by_id, time)
            yield from _of_lens(name, panel, given, time)


def run(
    client: Elasticsearch, asked: Iterable[Question], *, require_data: bool = False
) -> list[str]:
    """A sentence for each panel that Elasticsearch refuses to answer.

    Args:
        require_data: and for each that has nothing to show.

    Raises:
        TransportError: Elasticsearch does not answer.
    """
    problems: list[str] = []
    for question in asked:
        try:
            # A kind of which nothing is written yet has no index, which Kibana takes for empty.
            answer = client.search(index=question.index, body=question.body).body
        except ApiError as error:
            problems.append(f"{question.panel}: {reason(error)}")
            continue
        if require_data and (missing := _missing(answer, question.metrics)):
            problems.append(f"{question.panel}: there is nothing to show of {missing}")
    return problems


def _of_search(
    name: str, found: ReadObject, by_id: Mapping[tuple[str, str], ReadObject], span: Span
) -> Question:
    (view,) = found.body["references"]
    attributes = by_id[view["type"], view["id"]].body["attributes"]
    time = attributes["timeFieldName"]
    query = found.inside["searchSourceJSON"]["query"]["query"]
    body = {"size": 1, "query": search_query(query, span, time), "sort": [{time: "desc"}]}
    return Question(name, attributes["title"], body, {})


def _of_lens(
    name: str, panel: Mapping[str, Any], given: Mapping[str, ReadObject], span: Span
) -> Iterator[Question]:
    for layer, content in layers(panel):
        view = given[f"{panel['panelIndex']}:indexpattern-datasource-layer-{layer}"]
        query = lens_state(panel)["query"]["query"]
        metrics = {n: c for n, c in content["columns"].items() if not c["isBucketed"]}
        attributes = view.body["attributes"]
        body = layer_search(content, query, span, attributes["timeFieldName"])
        yield Question(name, attributes["title"], body, metrics)


def _missing(answer: Mapping[str, Any], metrics: Mapping[str, Any]) -> str:
    """The labels of metrics without a value in any bucket; `any document` where there is none."""
    total = answer["hits"]["total"]["value"]
    buckets = list(innermost({**answer.get("aggregations", {}), "doc_count": total}))
    if not any(bucket["doc_count"] for bucket in buckets):
        return "any document"
    return ", ".join(
        column["label"]
        for name, column in metrics.items()
        if not any(_has_value(bucket, name, column) for bucket in buckets)
    )


def innermost(bucket: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The buckets in which the figures of a layer stand."""
    inner = [v["buckets"] for v in bucket.values() if isinstance(v, Mapping) and "buckets" in v]
    if not inner:
        yield bucket
    for buckets in inner:
        for one in buckets:
            yield from innermost(one)


def _has_value(bucket: Mapping[str, Any], name: str, column: Mapping[str, Any]) -> bool:
    if column["operationType"] == "count":
        return bool(bucket["doc_count"])
    found = bucket.get(name, {"value": None})
    values = [one["value"] for one in found.get("values", [found])]
    zero_counts = column["operationType"] not in _ZERO_WHERE_NOTHING_IS
    return any(value is not None and (value != 0 or zero_counts) for value in values)
