"""The columns of a Lens layer: a panel's breakdowns and metrics as Kibana's editor writes them."""

from typing import Any

from elk.dashboards.answers import range_label
from elk.dashboards.fields import field_type
from elk.dashboards.identity import stable_id
from elk.dashboards.panels import (
    Breakdown,
    Metric,
    OverTime,
    Panel,
    Ranges,
    Terms,
    time_field,
)

RECORDS = "___records___"
_OPERATIONS = {"rate": "count", "latest": "max"}
_EVERY = {"auto": "auto", "day": "1d", "week": "1w"}
_LABELS = {"customLabel": True}

Column = dict[str, Any]


def breakdown_id(place: int, *names: str) -> str:
    """Id of the column of a breakdown, by its place in `panel.by`."""
    return stable_id(*names, "by", str(place))


def metric_id(place: int, *names: str) -> str:
    """Id of the column of a metric, by its place in the panel."""
    return stable_id(*names, "metric", str(place))


def lens_columns(panel: Panel, *names: str) -> dict[str, Column]:
    """Column id -> column, in the order in which buckets are nested; metrics come last.

    Args:
        names: what identifies the panel: index prefix, dashboard, panel.
    """
    metrics = {metric_id(p, *names): _metric(m) for p, m in enumerate(panel.metrics)}
    buckets = {
        breakdown_id(panel.by.index(part), *names): _breakdown(
            part, metrics, time_field(panel.kind)
        )
        for part in panel.nesting
    }
    return buckets | metrics


def _metric(metric: Metric) -> Column:
    column: Column = {
        "label": metric.label,
        **_LABELS,
        "dataType": "date" if metric.operation == "latest" else "number",
        "isBucketed": False,
        "operationType": _OPERATIONS.get(metric.operation, metric.operation),
        "scale": "ratio",
        "sourceField": metric.field or RECORDS,
        "params": {"emptyAsNull": True},
    }
    if metric.operation == "percentile":
        column["params"] = {"percentile": metric.percent}
    if metric.operation == "rate":
        column["timeScale"] = "s"
    if metric.operation != "latest":
        decimals = {"id": "number", "params": {"decimals": metric.decimals}}
        column["params"]["format"] = decimals
    return column


def _breakdown(part: Breakdown, metrics: dict[str, Column], time: str) -> Column:
    column: Column = {"label": part.label, **_LABELS, "isBucketed": True}
    if isinstance(part, OverTime):
        interval = {
            "interval": _EVERY[part.every],
            "includeEmptyRows": True,
            "dropPartials": part.every != "auto",
        }
        return column | {
            "dataType": "date",
            "operationType": "date_histogram",
            "scale": "interval",
            "sourceField": time,
            "params": interval,
        }
    if isinstance(part, Ranges):
        return column | {
            "dataType": "string",
            "operationType": "range",
            "scale": "ordinal",
            "sourceField": part.field,
            "params": _ranges(part),
        }
    return column | {
        "dataType": "boolean" if field_type(part.field) == "boolean" else "string",
        "operationType": "terms",
        "scale": "ordinal",
        "sourceField": part.field,
        "params": {
            "size": part.size,
            **_order(part, metrics),
            "orderDirection": "desc",
            "otherBucket": False,
            "missingBucket": False,
            "parentFormat": {"id": "terms"},
            "include": [],
            "exclude": [],
            "includeIsRegex": False,
            "excludeIsRegex": False,
        },
    }


def _ranges(part: Ranges) -> dict[str, Any]:
    edges = zip(part.edges, part.edges[1:], strict=False)
    template = {"template": "arrow_right", "replaceInfinity": True}
    return {
        "type": "range",
        "maxBars": "auto",
        "ranges": [
            {"from": low, "to": high, "label": range_label(low, high)} for low, high in edges
        ],
        "parentFormat": {"id": "range", "params": template},
    }


def _order(part: Terms, metrics: dict[str, Column]) -> dict[str, Any]:
    """By the metric that was asked for, else by the count: a column of the panel, or one that
    only orders."""
    ids = list(metrics)
    counts = [i for i in ids if metrics[i]["operationType"] == "count"]
    chosen = ids[part.by] if part.by is not None else next(iter(counts), None)
    if chosen is not None:
        return {"orderBy": {"type": "column", "columnId": chosen}}
    return {"orderBy": {"type": "custom"}, "orderAgg": _metric(Metric("Count of records"))}
