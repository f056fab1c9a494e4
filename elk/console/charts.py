"""From the series of a panel to Plotly's data and layout, without colours (pure)."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from elk.dashboards import Panel, Series, Span, series
from elk.dashboards.answers import Cell, range_label
from elk.dashboards.panels import Breakdown, OverTime, Ranges, Terms

_DIGITS = re.compile(r"(\d+)")
_SMALL = frozenset({"rate", "average"})
"""People read 0.0002 of these sooner than 200 µ."""
_FIRST = ("champion", "canary", "shadow", "true", "false")
_BARS = frozenset({"bar", "stacked", "shares"})
_READ = 64
"""Cells of a heatmap, as many as have room for their figure."""
_OF_PEOPLE = frozenset({"model.version", "model.role"})


def chart(panel: Panel, answer: Mapping[str, Any], span: Span) -> dict[str, Any]:
    """The picture of an answer to the query of a panel that has a first breakdown."""
    found = series(panel, answer)
    if len(panel.metrics) == 1:
        found = sorted(found, key=lambda one: natural(one.name))
    figures: dict[str, Any] = {"rangemode": "tozero"}
    if len(panel.metrics) == 1:
        figures["title"] = {"text": safe(panel.metrics[0].label)}
    if panel.metrics[0].operation in _SMALL:
        figures["exponentformat"] = "none"
    over_time = isinstance(panel.by[0], OverTime)
    layout: dict[str, Any] = {
        "xaxis": {"type": "date", "range": [_x(_first(found, span)), _x(span.end)]}
        if over_time
        else {"type": "category"},
        "yaxis": figures,
    }
    if not over_time:
        layout["xaxis"]["title"] = _title(panel.by[0])
    if panel.chart == "heatmap":
        return {
            "data": [_heatmap(panel, found)],
            "layout": layout | {"yaxis": {"type": "category", "title": _title(panel.by[1])}},
        }
    if len(panel.by) > 1:
        layout["legend"] = {"title": {"text": safe(panel.by[1].label)}}
    if isinstance(panel.by[0], Terms):
        layout["xaxis"] |= _order(panel.by[0], found)
    if panel.chart in _BARS:
        layout["barmode"] = "group" if panel.chart == "bar" else "stack"
    if panel.chart == "shares":
        layout |= {"barnorm": "percent"}
        figures |= {"ticksuffix": " %", "title": {"text": "Share"}}
    elif panel.chart == "line":
        figures["rangemode"] = "normal"
    if panel.chart in _BARS and over_time:
        found = _with_something(found)
    return {"data": [_trace(panel, one) for one in found], "layout": layout}


def _title(breakdown: Breakdown) -> dict[str, str]:
    return {"text": safe(breakdown.label)}


def _order(breakdown: Terms, found: Sequence[Series]) -> dict[str, Any]:
    """Versions and roles as people name them, all else by how much there is."""
    if breakdown.field not in _OF_PEOPLE:
        return {"categoryorder": "total descending"}
    names = {str(point.x) for one in found for point in one.points}
    return {"categoryarray": [safe(name) for name in sorted(names, key=natural)]}


def safe(text: str) -> str:
    """Text that Plotly, which knows some tags and links, shows as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def natural(name: str) -> tuple[Any, ...]:
    """Orders roles as people name them, what is true first, and version 10 after version 9."""
    rank = _FIRST.index(name) if name in _FIRST else len(_FIRST)
    return (rank, [(int(p), "") if p.isdigit() else (-1, p) for p in _DIGITS.split(name)])


def _first(found: Sequence[Series], span: Span) -> datetime:
    """Where the first interval begins: with the span, or before it."""
    starts = [p.x for one in found for p in one.points[:1] if isinstance(p.x, datetime)]
    return min([span.start, *starts])


def _with_something(found: Sequence[Series]) -> list[Series]:
    """Without intervals of nothing: bars are as wide as the next ones leave room."""
    there = {point.x for one in found for point in one.points if point.y}
    return [replace(one, points=tuple(p for p in one.points if p.x in there)) for one in found]


def _trace(panel: Panel, one: Series) -> dict[str, Any]:
    values = [point.y for point in one.points]
    xs = [_x(point.x) for point in one.points]
    trace: dict[str, Any] = {"name": safe(one.name), "x": xs, "y": values}
    if panel.chart in _BARS:
        return {"type": "bar", **trace}
    if panel.chart == "area":
        return {
            "type": "scatter",
            "mode": "lines",
            "stackgroup": "all",
            **trace,
            "y": [value or 0.0 for value in values],
        }
    # Where neighbours are empty a line alone would not be seen.
    return {"type": "scatter", "mode": "lines+markers", "connectgaps": True, **trace}


def _heatmap(panel: Panel, found: Sequence[Series]) -> dict[str, Any]:
    named = {one.name: {point.x: point.y for point in one.points} for one in found}
    # Without columns that have nothing: those that have something become as wide as they can.
    there = {x for points in named.values() for x, y in points.items() if y is not None}
    places = sorted(there, key=_place)
    names = [name for name in _upward_names(panel.by[1]) if name in named]
    names = names or sorted(named, key=natural, reverse=True)
    return {
        "type": "heatmap",
        "x": [_x(place) for place in places],
        "y": [safe(name) for name in names],
        "z": [[named[name].get(place) for place in places] for name in names],
        "colorbar": {
            "title": {"text": safe(panel.metrics[0].label), "side": "right"},
            **_marks(panel.ceiling),
        },
        "hoverongaps": False,
        **({} if panel.ceiling is None else {"zmin": 0, "zmax": panel.ceiling}),
        **(
            {"texttemplate": f"%{{z:,.{panel.metrics[0].decimals}f}}"}
            if len(names) * len(places) <= _READ
            else {}
        ),
    }


def _marks(ceiling: float | None) -> dict[str, Any]:
    if ceiling is None:
        return {}
    values = [ceiling * place / 4 for place in range(5)]
    texts = [f"{value:g}" for value in values]
    return {"tickvals": values, "ticktext": [*texts[:-1], f"{texts[-1]} and more"]}


def _upward_names(breakdown: Breakdown) -> list[str]:
    if not isinstance(breakdown, Ranges):
        return []
    edges = zip(breakdown.edges, breakdown.edges[1:], strict=False)
    return [range_label(low, high) for low, high in edges]


def _place(value: Cell) -> tuple[str, Any]:
    return (type(value).__name__, value)


def _x(value: Cell) -> Any:
    """Plotly shows times without a zone as they stand: in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return safe(value) if isinstance(value, str) else value
