"""From the answer to a panel's query to Plotly's data and layout, without colours (pure)."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from elk.console.traces import BARS, heatmap, place, safe, trace
from elk.console.words import natural
from elk.dashboards import Panel, Series, Span, series
from elk.dashboards.panels import CLOCK_KINDS, OverTime, Terms

_SMALL = frozenset({"rate", "average"})
"""People read 0.0002 of these sooner than 200 µ."""
_LEAST_RANGE = 0.1
_OF_PEOPLE = frozenset({"model.version", "model.role"})

Axis = dict[str, Any]


def chart(panel: Panel, answer: Mapping[str, Any], span: Span) -> dict[str, Any]:
    """The picture of an answer to the query of a panel that has a first breakdown. `marked` in its
    layout: along event time, so that the marks of the page belong on it."""
    found = series(panel, answer)
    if len(panel.metrics) == 1:
        found = sorted(found, key=lambda one: natural(one.name))
    layout: dict[str, Any]
    across = _across(panel, found, span)
    is_marked = isinstance(panel.by[0], OverTime) and panel.kind not in CLOCK_KINDS
    meta = {"meta": {"marked": True}} if is_marked else {}
    if isinstance(panel.by[0], OverTime) and panel.chart in {*BARS, "heatmap"}:
        found = _with_something(found)
    if panel.chart == "heatmap":
        upward = {"type": "category", "title": {"text": safe(panel.by[1].label), "standoff": 10}}
        return {
            "data": [heatmap(panel, found)],
            "layout": {"xaxis": across, "yaxis": upward, **meta},
        }
    layout = {"xaxis": across, "yaxis": _upward(panel, found), **meta}
    if len(panel.by) > 1:
        layout["legend"] = {"title": {"text": safe(panel.by[1].label)}}
    if panel.chart in BARS:
        layout["barmode"] = "group" if panel.chart == "bar" else "stack"
    if panel.chart == "shares":
        layout["barnorm"] = "percent"
    return {"data": [trace(panel, one) for one in found], "layout": layout}


def _across(panel: Panel, found: Sequence[Series], span: Span) -> Axis:
    breakdown = panel.by[0]
    if isinstance(breakdown, OverTime):
        return {"type": "date", "range": [place(_first(found, span)), place(span.end)]}
    axis: Axis = {"type": "category", "title": {"text": safe(breakdown.label)}}
    if not isinstance(breakdown, Terms):
        return axis
    if breakdown.field not in _OF_PEOPLE:
        return {**axis, "categoryorder": "total descending"}
    names = {str(point.x) for one in found for point in one.points}
    return {**axis, "categoryarray": [safe(name) for name in sorted(names, key=natural)]}


def _wide_enough(panel: Panel, found: Sequence[Series]) -> list[float] | None:
    """Of means between 0 and 1 at least a tenth: a little more or less must not look like a
    collapse."""
    values = [p.y for one in found for p in one.points if p.y is not None]
    if panel.metrics[0].operation != "average" or not values:
        return None
    low, high = min(values), max(values)
    if low < 0 or high > 1 or high - low >= _LEAST_RANGE:
        return None
    middle = (low + high) / 2
    return [middle - _LEAST_RANGE / 2, middle + _LEAST_RANGE / 2]


def _upward(panel: Panel, found: Sequence[Series]) -> Axis:
    axis: Axis = {"rangemode": "normal" if panel.chart == "line" else "tozero"}
    if panel.chart == "line" and (wide := _wide_enough(panel, found)):
        axis["range"] = wide
    if panel.metrics[0].operation in _SMALL:
        axis["exponentformat"] = "none"
    if panel.chart == "shares":
        return {**axis, "ticksuffix": " %", "title": {"text": "Share"}}
    if len(panel.metrics) == 1:
        axis["title"] = {"text": safe(panel.metrics[0].label)}
    return axis


def _first(found: Sequence[Series], span: Span) -> datetime:
    """Where the first interval begins: with the span, or before it."""
    starts = [p.x for one in found for p in one.points[:1] if isinstance(p.x, datetime)]
    return min([span.start, *starts])


def _with_something(found: Sequence[Series]) -> list[Series]:
    """Without intervals of nothing: bars and cells are as wide as the next ones leave room. One
    alone would have no width at all."""
    there = {point.x for one in found for point in one.points if point.y}
    if len(there) < 2:
        return list(found)
    return [replace(one, points=tuple(p for p in one.points if p.x in there)) for one in found]
