"""From a panel to the search whose answer it shows."""

from collections.abc import Mapping, Sequence
from typing import Any

from elk.dashboards.intervals import Span, date_histogram, within
from elk.dashboards.panels import Breakdown, Filter, Metric, OverTime, Panel, Ranges, time_field

MOST_DOCUMENTS = 100
_ELASTICSEARCH_NAMES = {
    "average": "avg",
    "unique_count": "cardinality",
    "latest": "max",
    "sum": "sum",
    "min": "min",
    "max": "max",
}


def query(
    panel: Panel, span: Span, filters: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """The body of a `_search` on `IndexNames.pattern(panel.kind)`.

    Args:
        span: the time that is shown.
        filters: what readers chose: field -> values, any of which will do; none: all.
    """
    chosen = [Filter(field, tuple(values)) for field, values in (filters or {}).items() if values]
    wanted = [clause(one) for one in (*panel.filters, *chosen)]
    time = time_field(panel.kind)
    body: dict[str, Any] = {"query": {"bool": {"filter": [within(span, time), *wanted]}}}
    if panel.chart == "documents":
        return body | {"size": MOST_DOCUMENTS, "sort": [{time: "desc"}], "_source": True}
    return body | {"size": 0, "track_total_hits": True, "aggs": _aggregations(panel, span)}


def clause(wanted: Filter) -> dict[str, Any]:
    """A filter as Elasticsearch's query."""
    found: dict[str, Any] = (
        {"terms": {wanted.field: list(wanted.values)}}
        if wanted.values
        else {"exists": {"field": wanted.field}}
    )
    return {"bool": {"must_not": [found]}} if wanted.other else found


def bucket_name(place: int) -> str:
    """How the aggregation of a breakdown is called, by its place from the outside."""
    return f"by{place}"


def metric_name(place: int) -> str:
    """How the aggregation of a metric is called, by its place in the panel."""
    return f"metric{place}"


def _aggregations(panel: Panel, span: Span) -> dict[str, Any]:
    metrics = {
        metric_name(place): figure
        for place, metric in enumerate(panel.metrics)
        if (figure := _figure(metric)) is not None
    }
    inner: dict[str, Any] = metrics
    breakdowns = list(enumerate(panel.nesting))
    for place, breakdown in reversed(breakdowns):
        # A bucket is ordered by its own figures, so each level that asks for one has it.
        level = {**metrics, **inner} if getattr(breakdown, "by", None) is not None else inner
        outer = _buckets(breakdown, panel, span)
        inner = {bucket_name(place): outer | ({"aggs": level} if level else {})}
    return inner


def _figure(metric: Metric) -> dict[str, Any] | None:
    if metric.operation in ("count", "rate"):
        return None
    field = {"field": metric.field}
    if metric.operation in ("percentile", "median"):
        percent = 50.0 if metric.operation == "median" else metric.percent
        return {"percentiles": {**field, "percents": [percent], "keyed": False}}
    return {_ELASTICSEARCH_NAMES[metric.operation]: field}


def _buckets(breakdown: Breakdown, panel: Panel, span: Span) -> dict[str, Any]:
    if isinstance(breakdown, OverTime):
        return date_histogram(span, breakdown.every, time_field(panel.kind))
    if isinstance(breakdown, Ranges):
        edges = zip(breakdown.edges, breakdown.edges[1:], strict=False)
        ranges = [{"from": low, "to": high} for low, high in edges]
        return {"range": {"field": breakdown.field, "ranges": ranges}}
    order: dict[str, Any] = {}
    if breakdown.by is not None and _figure(panel.metrics[breakdown.by]) is not None:
        order = {"order": {metric_name(breakdown.by): "desc"}}
    return {"terms": {"field": breakdown.field, "size": breakdown.size, **order}}
