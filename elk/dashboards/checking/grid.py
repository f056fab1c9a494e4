"""Panels stand beside and below each other on 48 columns, each by its own name."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

from elk.dashboards.checking.reading import ReadObject, panel_name
from elk.dashboards.panels import COLUMNS


def grid_problems(objects: Sequence[ReadObject]) -> Iterator[str]:
    """A sentence for each panel that is outside of the grid, on another one, or without a name."""
    for found in objects:
        for panel in found.panels:
            grid = panel.get("gridData", {})
            if set(grid) != {"x", "y", "w", "h", "i"}:
                yield f"{found.name}: {panel_name(panel)} has no whole place on the grid"
            elif grid["i"] != panel.get("panelIndex"):
                yield f"{found.name}: {panel_name(panel)} stands at the place of another panel"
            elif not (grid["x"] >= 0 and grid["w"] > 0 and grid["x"] + grid["w"] <= COLUMNS):
                yield f"{found.name}: {panel_name(panel)} leaves the {COLUMNS} columns"
            elif grid["y"] < 0 or grid["h"] < 1:
                yield f"{found.name}: {panel_name(panel)} has no height, or begins above the top"
            if not panel.get("title"):
                yield f"{found.name}: {panel_name(panel)} has no title"
        names = [panel.get("panelIndex") for panel in found.panels]
        if len(set(names)) != len(names):
            yield f"{found.name}: two panels have one panelIndex"
        for one, other in combinations(found.panels, 2):
            if _overlap(one.get("gridData", {}), other.get("gridData", {})):
                yield f"{found.name}: {panel_name(one)} lies on {panel_name(other)}"


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if not {"x", "y", "w", "h"} <= set(one) & set(other):
        return False
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )
