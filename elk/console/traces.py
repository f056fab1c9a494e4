"""Series as Plotly's traces (pure)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from elk.console.words import natural
from elk.dashboards import Panel, Series
from elk.dashboards.answers import Cell, range_label
from elk.dashboards.panels import Breakdown, Ranges
from elk.dashboards.values import NAMES

BARS = frozenset({"bar", "stacked", "shares"})
FEW = 100
"""Answers."""
_PLACES = {
    name: place
    for names in (("champion", "canary", "shadow"), *(n.values() for n in NAMES.values()))
    for place, name in enumerate(names)
}
"""Which colour of the palette some series always have, whatever others are there."""
_READ = 8
"""Rows and columns of a heatmap, as many as leave room for the figure in each cell."""


def safe(text: str) -> str:
    """Text that Plotly, which knows some tags and links, shows as it is."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def place(value: Cell) -> Any:
    """A value of an axis. Plotly shows times without a zone as they stand: in UTC."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return safe(value) if isinstance(value, str) else value


def trace(panel: Panel, one: Series) -> dict[str, Any]:
    """Bars, an area or a line."""
    values = [point.y for point in one.points]
    drawn: dict[str, Any] = {"name": safe(one.name), "x": [place(p.x) for p in one.points]}
    if one.name in _PLACES:
        drawn["place"] = _PLACES[one.name]
    if panel.chart in BARS:
        return {"type": "bar", **drawn, "y": values}
    if panel.chart == "area":
        filled = [value or 0.0 for value in values]
        return {"type": "scatter", "mode": "lines", "stackgroup": "all", **drawn, "y": filled}
    # Where neighbours are empty a line alone would not be seen.
    look = {"type": "scatter", "mode": "lines+markers", "connectgaps": True}
    return {**look, **drawn, "y": values, **_rows(panel, one)}


def _rows(panel: Panel, one: Series) -> dict[str, Any]:
    """How many answers a mean is of; where there are few it is hollow, and need not mean anything.
    Documents of other kinds are of many answers each."""
    if panel.kind != "predictions" or panel.metrics[0].operation != "average":
        return {}
    return {
        "customdata": [point.documents for point in one.points],
        "hollow": [0 < point.documents < FEW for point in one.points],
        "hovertemplate": f"%{{x}}, %{{y:.{one.metric.decimals}f}} of %{{customdata:,}} answers",
    }


def heatmap(panel: Panel, found: Sequence[Series]) -> dict[str, Any]:
    """One row per series; the colours end at the panel's ceiling."""
    named = {one.name: {point.x: point.y for point in one.points} for one in found}
    places = sorted({x for points in named.values() for x in points}, key=_rank)
    names = [name for name in _upward_names(panel.by[1]) if name in named]
    names = names or sorted(named, key=natural, reverse=True)
    drawn: dict[str, Any] = {
        "type": "heatmap",
        "x": [place(x) for x in places],
        "y": [safe(name) for name in names],
        "z": [[named[name].get(x) for x in places] for name in names],
        "colorbar": {"title": {"text": safe(panel.metrics[0].label), "side": "right"}},
        "hoverongaps": False,
    }
    if max(len(names), len(places)) <= _READ:
        drawn["texttemplate"] = f"%{{z:,.{panel.metrics[0].decimals}f}}"
    if panel.ceiling is not None:
        drawn |= {"zmin": 0, "zmax": panel.ceiling}
        drawn["colorbar"] |= _marks(panel.ceiling)
    return drawn


def _marks(ceiling: float) -> dict[str, Any]:
    values = [ceiling * quarter / 4 for quarter in range(5)]
    texts = [f"{value:g}" for value in values]
    return {"tickvals": values, "ticktext": [*texts[:-1], f"{texts[-1]} and more"]}


def _upward_names(breakdown: Breakdown) -> list[str]:
    if not isinstance(breakdown, Ranges):
        return []
    edges = zip(breakdown.edges, breakdown.edges[1:], strict=False)
    return [range_label(low, high) for low, high in edges]


def _rank(value: Cell) -> tuple[str, Any]:
    return (type(value).__name__, value)
