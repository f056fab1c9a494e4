"""Saved objects with what stands in their strings opened, to be changed and closed again."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from contracts.settings import load_settings
from elk.dashboards import dashboards
from elk.dashboards.checking.reading import IN_STRINGS
from elk.dashboards.saved_objects import as_ndjson, saved_objects
from elk.dashboards.texts import text

Objects = list[dict[str, Any]]
Change = Callable[[Objects], object]


@cache
def built() -> bytes:
    """What `millrace dashboards build` writes."""
    return as_ndjson(saved_objects(load_settings(), dashboards()))


def changed(change: Change) -> bytes:
    """The same after a change of the opened objects."""
    objects = [json.loads(line) for line in built().splitlines()]
    for one in objects:
        _each_string(one, json.loads)
    change(objects)
    for one in objects:
        _each_string(one, lambda held: held if isinstance(held, str) else text(held))
    return as_ndjson(objects)


def board(objects: Objects, title: str = "Overview") -> dict[str, Any]:
    """One of the dashboards."""
    return next(o for o in objects if o["attributes"].get("title") == f"[Millrace] {title}")


def panel(objects: Objects, title: str, of: str = "Overview") -> dict[str, Any]:
    """One of the panels of a dashboard."""
    panels = board(objects, of)["attributes"]["panelsJSON"]
    found: dict[str, Any] = next(one for one in panels if one["title"] == title)
    return found


def state(objects: Objects, title: str, of: str = "Overview") -> dict[str, Any]:
    """The state of a Lens panel."""
    found: dict[str, Any] = panel(objects, title, of)["embeddableConfig"]["attributes"]["state"]
    return found


def layer(objects: Objects, title: str, of: str = "Overview") -> dict[str, Any]:
    """The one layer of a Lens panel."""
    (found,) = state(objects, title, of)["datasourceStates"]["formBased"]["layers"].values()
    only: dict[str, Any] = found
    return only


def column(objects: Objects, title: str, operation: str, of: str = "Overview") -> dict[str, Any]:
    """The first column of a Lens panel with an operation."""
    columns = layer(objects, title, of)["columns"].values()
    found: dict[str, Any] = next(one for one in columns if one["operationType"] == operation)
    return found


def _each_string(one: dict[str, Any], turn: Callable[[Any], Any]) -> None:
    for path in IN_STRINGS.get(one["type"], ()):
        held: dict[str, Any] = one["attributes"]
        for part in path[:-1]:
            held = held.get(part, {})
        if path[-1] in held:
            held[path[-1]] = turn(held[path[-1]])
