"""Saved objects read back from NDJSON, with the JSON that stands in strings inside of them."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

IN_STRINGS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "dashboard": (
        ("optionsJSON",),
        ("panelsJSON",),
        ("kibanaSavedObjectMeta", "searchSourceJSON"),
        ("controlGroupInput", "panelsJSON"),
        ("controlGroupInput", "ignoreParentSettingsJSON"),
    ),
    "search": (("kibanaSavedObjectMeta", "searchSourceJSON"),),
    "index-pattern": (
        ("fields",),
        ("fieldAttrs",),
        ("fieldFormatMap",),
        ("runtimeFieldMap",),
        ("sourceFilters",),
    ),
}
"""By type, where attributes hold JSON as a string."""


class ReadObject(Struct, frozen=True):
    """One line of the file; `inside` has what stood in its strings, by the last part of the path
    (of the controls: `controls`)."""

    line: int
    body: dict[str, Any]
    inside: dict[str, Any]

    @property
    def name(self) -> str:
        """How people call it."""
        attributes = self.body.get("attributes", {})
        title = attributes.get("name") or attributes.get("title") or self.body.get("id")
        return f"{self.body.get('type')} '{title}'"

    @property
    def panels(self) -> Sequence[dict[str, Any]]:
        """The panels of a dashboard."""
        found = self.inside.get("panelsJSON", [])
        return found if isinstance(found, list) else []

    @property
    def controls(self) -> Mapping[str, dict[str, Any]]:
        """The controls of a dashboard by id."""
        found = self.inside.get("controls", {})
        return found if isinstance(found, dict) else {}


def read(ndjson: bytes) -> tuple[list[ReadObject], list[str]]:
    """The objects of a file, and a sentence for everything in it that is no JSON."""
    objects, problems = [], []
    for number, line in enumerate(ndjson.splitlines(), 1):
        try:
            body = json.loads(line)
        except ValueError as error:
            problems.append(f"line {number} is not JSON: {error}")
            continue
        if not isinstance(body, dict):
            problems.append(f"line {number} is no object")
            continue
        found = ReadObject(number, body, {})
        problems += _open_strings(found)
        objects.append(found)
    return objects, problems


def layers(panel: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and content of the layers of a Lens panel."""
    state = lens_state(panel)
    yield from state.get("datasourceStates", {}).get("formBased", {}).get("layers", {}).items()


def lens_state(panel: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a Lens panel, empty where it has none."""
    state = panel.get("embeddableConfig", {}).get("attributes", {}).get("state", {})
    return state if isinstance(state, dict) else {}


def panel_name(panel: Mapping[str, Any]) -> str:
    """How people call a panel."""
    return f"panel '{panel.get('title') or panel.get('panelIndex')}'"


def _open_strings(found: ReadObject) -> Iterator[str]:
    for path in IN_STRINGS.get(str(found.body.get("type")), ()):
        held: Any = found.body.get("attributes", {})
        for part in path:
            held = held.get(part) if isinstance(held, dict) else None
        key = "controls" if path == ("controlGroupInput", "panelsJSON") else path[-1]
        if not isinstance(held, str):
            yield f"{found.name}: {'.'.join(path)} is no string with JSON in it"
            continue
        try:
            opened = json.loads(held)
        except ValueError as error:
            yield f"{found.name}: {'.'.join(path)} holds no JSON: {error}"
            continue
        if not isinstance(opened, (dict, list)):
            yield f"{found.name}: {'.'.join(path)} holds neither an object nor a list"
            continue
        found.inside[key] = opened
