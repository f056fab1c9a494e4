"""What saved objects refer to is there, by name and by id, and nothing is referred to in vain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elk.dashboards.checking.reading import ReadObject, layers, panel_name

_Reference = tuple[str, str, str | None]
"""Name, type, and the id where what refers says it too."""


def reference_problems(objects: Sequence[ReadObject]) -> Iterator[str]:
    """A sentence for each reference that leads nowhere, is missing, or is not used."""
    there = {(found.body.get("type"), found.body.get("id")) for found in objects}
    for found in objects:
        given = {r["name"]: r for r in found.body.get("references", [])}
        if len(given) != len(found.body.get("references", [])):
            yield f"{found.name}: two references have one name"
        for reference in given.values():
            if (reference["type"], reference["id"]) not in there:
                yield (
                    f"{found.name}: reference {reference['name']} leads to a {reference['type']} "
                    f"{reference['id']} that is not in the file"
                )
        wanted = list(_wanted(found))
        for name, kind, target in wanted:
            if name not in given:
                yield f"{found.name}: reference {name} is missing"
            elif given[name]["type"] != kind or target not in (None, given[name]["id"]):
                yield f"{found.name}: reference {name} is not the one its panel holds"
        for name in given.keys() - {name for name, _, _ in wanted}:
            yield f"{found.name}: nothing uses reference {name}"
        for panel in found.panels:
            yield from (f"{found.name}: {problem}" for problem in _layers(panel))


def _wanted(found: ReadObject) -> Iterator[_Reference]:
    if "indexRefName" in (source := found.inside.get("searchSourceJSON", {})):
        yield source["indexRefName"], "index-pattern", None
    for control in found.controls:
        yield f"controlGroup_{control}:optionsListDataView", "index-pattern", None
    for panel in found.panels:
        place = panel.get("panelIndex")
        yield from ((f"{place}:{name}", kind, target) for name, kind, target in _of_panel(panel))


def _of_panel(panel: Mapping[str, Any]) -> Iterator[_Reference]:
    config = panel.get("embeddableConfig", {})
    attributes = config.get("attributes", {})
    if "panelRefName" in panel:
        yield panel["panelRefName"], panel["type"], None
    for reference in attributes.get("references", []):
        yield reference["name"], reference["type"], reference["id"]
    for link in attributes.get("links", []):
        yield link["destinationRefName"], "dashboard", None
    for event in config.get("enhancements", {}).get("dynamicActions", {}).get("events", []):
        factory, number = event["action"]["factoryId"], event["eventId"]
        yield f"drilldown:{factory}:{number}:dashboardId", "dashboard", None


def _layers(panel: Mapping[str, Any]) -> Iterator[str]:
    """Each layer of a Lens panel has exactly one data view."""
    if panel.get("type") != "lens":
        return
    attributes = panel.get("embeddableConfig", {}).get("attributes", {})
    named = sorted(r["name"] for r in attributes.get("references", []))
    wanted = sorted(f"indexpattern-datasource-layer-{layer}" for layer, _ in layers(panel))
    if named != wanted:
        yield f"{panel_name(panel)}: its references are not one data view for each layer"
