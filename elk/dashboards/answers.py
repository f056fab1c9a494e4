"""From Elasticsearch's answer to what a panel shows: rows of a table, or series of a chart."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from elk.dashboards.intervals import whole
from elk.dashboards.panels import Breakdown, Metric, OverTime, Panel, Ranges, time_field
from elk.dashboards.queries import bucket_name, metric_name
from elk.dashboards.values import named

Cell = str | float | datetime | None
_COUNTS = frozenset({"count", "rate", "unique_count"})
"""Figures that are there, and 0, where there is no document."""


class Point(Struct, frozen=True):
    """One value of a series; `x` is a time, a term or a range, `y` none where nothing was; of so
    many documents."""

    x: Cell
    y: float | None
    documents: int = 0


class Series(Struct, frozen=True):
    """The values of one metric, and of one term where the panel is split."""

    name: str
    metric: Metric
    points: tuple[Point, ...]


def columns(panel: Panel) -> tuple[str, ...]:
    """The names of the cells of `rows`."""
    if panel.chart == "documents":
        return (time_field(panel.kind), *panel.columns)
    return (*(part.label for part in panel.by), *(metric.label for metric in panel.metrics))


def rows(panel: Panel, answer: Mapping[str, Any]) -> list[tuple[Cell, ...]]:
    """One row per innermost bucket: its breakdowns in the order of `panel.by`, then the metrics.
    Of `documents` one row per document. A list in a document is written as text.

    Args:
        answer: the body of Elasticsearch's answer to `query`.
    """
    if panel.chart == "documents":
        return [
            tuple(_field(hit["_source"], name) for name in columns(panel))
            for hit in answer["hits"]["hits"]
        ]
    return [(*keys, *figures) for keys, figures, _ in _buckets(panel, answer)]


def series(panel: Panel, answer: Mapping[str, Any]) -> list[Series]:
    """What a chart draws: one series per metric, and per term of the second breakdown.

    Raises:
        ValueError: the panel shows documents.
    """
    if panel.chart == "documents":
        raise ValueError(f"panel '{panel.id}' shows documents: ask for its rows")
    keys = len(panel.by)
    drawn: dict[tuple[int, Cell], list[Point]] = {}
    for found, figures, documents in _buckets(panel, answer):
        for place, value in enumerate(figures):
            split = found[1] if keys > 1 else None
            point = Point(found[0] if keys else None, _number(value), documents)
            drawn.setdefault((place, split), []).append(point)
    return [
        Series(_name(panel, place, split), panel.metrics[place], tuple(points))
        for (place, split), points in drawn.items()
    ]


def is_empty(panel: Panel, answer: Mapping[str, Any]) -> bool:
    """Whether a panel has nothing to show: no document, or no value in any row."""
    found = rows(panel, answer)
    if panel.chart == "documents":
        return not found
    return not any(
        value is not None and (value != 0 or metric.operation not in _COUNTS)
        for row in found
        for metric, value in zip(panel.metrics, row[len(panel.by) :], strict=True)
    )


def range_label(low: float, high: float) -> str:
    """How the numbers from `low` to below `high` are called."""
    return f"{low:g} to {high:g}"


_Bucket = tuple[tuple[Cell, ...], tuple[Cell, ...], int]
"""Keys, figures and documents."""


def _buckets(panel: Panel, answer: Mapping[str, Any]) -> Iterator[_Bucket]:
    """The innermost buckets, their keys in the order of `panel.by`."""
    total = answer.get("hits", {}).get("total", {}).get("value", 0)
    outermost = {**answer.get("aggregations", {}), "doc_count": total}
    turn = -1 if panel.nesting != panel.by else 1
    for keys, figures, documents in _walk(panel, panel.nesting, 0, outermost, None):
        yield keys[::turn], figures, documents


def _walk(
    panel: Panel, nesting: tuple[Breakdown, ...], depth: int, bucket: Any, width: float | None
) -> Iterator[_Bucket]:
    if depth == len(nesting):
        figures = tuple(_value(m, bucket, p, width) for p, m in enumerate(panel.metrics))
        yield (), figures, bucket["doc_count"]
        return
    aggregation = bucket.get(bucket_name(depth), {})
    inside = aggregation.get("meta", {}).get("seconds", width)
    for found in whole(aggregation):
        key = _key(nesting[depth], found)
        for keys, figures, documents in _walk(panel, nesting, depth + 1, found, inside):
            yield (key, *keys), figures, documents


def _key(breakdown: Breakdown, bucket: Mapping[str, Any]) -> Cell:
    if isinstance(breakdown, OverTime):
        return datetime.fromtimestamp(bucket["key"] / 1000, UTC)
    if isinstance(breakdown, Ranges):
        return range_label(bucket["from"], bucket["to"])
    return named(breakdown.field, str(bucket.get("key_as_string", bucket["key"])))


def _value(metric: Metric, bucket: Mapping[str, Any], place: int, width: float | None) -> Cell:
    if metric.operation == "count":
        return float(bucket["doc_count"])
    if metric.operation == "rate":
        return bucket["doc_count"] / width if width else None
    found = bucket.get(metric_name(place), {})
    if metric.operation in ("percentile", "median"):
        return _number(next((one["value"] for one in found.get("values", [])), None))
    value = _number(found.get("value"))
    if metric.operation == "latest" and value is not None:
        return datetime.fromtimestamp(value / 1000, UTC)
    if metric.operation == "sum" and not bucket["doc_count"]:
        return None
    return value


def _name(panel: Panel, place: int, split: Cell) -> str:
    label = panel.metrics[place].label
    if split is None:
        return label
    return str(split) if len(panel.metrics) == 1 else f"{split} · {label}"


def _number(value: Any) -> float | None:
    if isinstance(value, datetime):
        return value.timestamp()
    return float(value) if isinstance(value, (int, float)) else None


def _field(source: Any, name: str) -> Cell:
    """The leaf of a document that a dotted name leads to."""
    for part in name.split("."):
        if not isinstance(source, Mapping) or part not in source:
            return None
        source = source[part]
    return source if isinstance(source, (str, int, float)) or source is None else str(source)
