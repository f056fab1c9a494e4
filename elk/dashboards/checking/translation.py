"""From a Lens layer, as it stands in the file, to the search that Kibana makes of it.

It reads the saved objects and knows nothing of panels, so that the two ways to a search can be
compared. Kibana's own translation: `x-pack/platform/plugins/shared/lens`, `to_expression.ts`.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from elk.dashboards.intervals import Span, date_histogram, within
from elk.dashboards.kql import read_kql
from elk.dashboards.queries import clause

_NAMES = {
    "average": "avg",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "unique_count": "cardinality",
}
_EVERY = {"auto": "auto", "1d": "day", "1w": "week"}
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS_OF_A_YEAR = 365.25

Column = Mapping[str, Any]


def layer_search(layer: Mapping[str, Any], query: str, span: Span, time: str) -> dict[str, Any]:
    """The body of the search behind a layer; aggregations are called by the ids of columns.

    Args:
        layer: under `formBased.layers` of a panel.
        query: KQL of the panel.
        time: the field of the data view's time.
    """
    columns = [(name, layer["columns"][name]) for name in layer["columnOrder"]]
    buckets = [(name, column) for name, column in columns if column["isBucketed"]]
    metrics = {
        name: figure
        for name, column in columns
        if not column["isBucketed"] and (figure := _figure(column)) is not None
    }
    inner: dict[str, Any] = metrics
    for name, column in reversed(buckets):
        order, ordering = _order(column, metrics)
        level = {**inner, **ordering}
        outer = _bucket(column, order, span)
        inner = {name: outer | ({"aggs": level} if level else {})}
    return {
        "size": 0,
        "track_total_hits": True,
        "query": search_query(query, span, time),
        "aggs": inner,
    }


def search_query(query: str, span: Span, time: str) -> dict[str, Any]:
    """KQL within a span of that field."""
    return {"bool": {"filter": [within(span, time), *map(clause, read_kql(query))]}}


def span_of(attributes: Mapping[str, Any], now: datetime | None = None) -> Span:
    """The time that a dashboard shows at first: until now, its beginning written as `now-90d`, or
    from one moment to another.

    Raises:
        ValueError: it is written otherwise.
    """
    now = now or datetime.now(UTC)
    begin, end = str(attributes["timeFrom"]), str(attributes["timeTo"])
    if not begin.startswith("now"):
        return Span(datetime.fromisoformat(begin), datetime.fromisoformat(end))
    since = begin.removeprefix("now-")
    number, unit = int(since[:-1]), since[-1]
    if end != "now" or unit not in {*_UNITS, "y"}:
        raise ValueError(f"'{attributes['timeFrom']}' to '{attributes['timeTo']}' is not read here")
    if unit == "y":
        return Span(now - timedelta(days=number * _DAYS_OF_A_YEAR), now)
    return Span(now - timedelta(**{_UNITS[unit]: number}), now)


def _figure(column: Column) -> dict[str, Any] | None:
    operation, field = column["operationType"], {"field": column["sourceField"]}
    if operation == "count":
        return None
    if operation in ("percentile", "median"):
        percent = column["params"].get("percentile", 50)
        return {"percentiles": {**field, "percents": [percent], "keyed": False}}
    return {_NAMES[operation]: field}


def _bucket(column: Column, order: str, span: Span) -> dict[str, Any]:
    operation, params = column["operationType"], column["params"]
    if operation == "date_histogram":
        return date_histogram(span, _EVERY[params["interval"]], column["sourceField"])
    if operation == "range":
        ranges = [{"from": r["from"], "to": r["to"]} for r in params["ranges"]]
        return {"range": {"field": column["sourceField"], "ranges": ranges}}
    return {
        "terms": {
            "field": column["sourceField"],
            "size": params["size"],
            "order": {order: params["orderDirection"]},
        }
    }


def _order(column: Column, metrics: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """By what terms are ordered, and the aggregation that this needs beside the bucket's own."""
    order = column["params"].get("orderBy", {})
    if order.get("type") == "column" and order["columnId"] in metrics:
        return order["columnId"], {order["columnId"]: metrics[order["columnId"]]}
    return "_count", {}
