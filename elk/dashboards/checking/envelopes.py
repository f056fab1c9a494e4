"""Type, versions and attributes of saved objects are those that Kibana 8.19 takes.

Sources: Kibana's schemas of saved objects (dashboard model version 2, search model version 5),
which forbid attributes that they do not know, and exports of Elastic's own integrations.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from elk.dashboards.checking.reading import ReadObject
from elk.dashboards.fields import field_type

VERSIONS: Mapping[str, str] = {
    "index-pattern": "8.0.0",
    "search": "10.5.0",
    "dashboard": "10.2.0",
}
"""Type -> `typeMigrationVersion`: older ones run migrations, newer ones are refused."""
CORE_VERSION = "8.8.0"
_ENVELOPE = {
    "type",
    "id",
    "attributes",
    "references",
    "managed",
    "coreMigrationVersion",
    "typeMigrationVersion",
}
ATTRIBUTES: Mapping[str, set[str]] = {
    "index-pattern": {
        "title",
        "name",
        "timeFieldName",
        "allowHidden",
        "fields",
        "fieldAttrs",
        "fieldFormatMap",
        "runtimeFieldMap",
        "sourceFilters",
    },
    "search": {
        "title",
        "description",
        "columns",
        "sort",
        "grid",
        "hideChart",
        "isTextBasedQuery",
        "timeRestore",
        "kibanaSavedObjectMeta",
    },
    "dashboard": {
        "title",
        "description",
        "version",
        "timeRestore",
        "timeFrom",
        "timeTo",
        "refreshInterval",
        "optionsJSON",
        "panelsJSON",
        "controlGroupInput",
        "kibanaSavedObjectMeta",
    },
}
_CONTROL_GROUP = {
    "controlStyle",
    "chainingSystem",
    "showApplySelections",
    "ignoreParentSettingsJSON",
    "panelsJSON",
}
_PANEL = {"type", "title", "panelIndex", "gridData", "embeddableConfig", "panelRefName"}


def envelope_problems(objects: Sequence[ReadObject]) -> Iterator[str]:
    """A sentence for each object that Kibana would refuse, migrate, or overwrite another with."""
    counted = Counter((found.body.get("type"), found.body.get("id")) for found in objects)
    yield from (
        f"{count} objects are {kind} {i}" for (kind, i), count in counted.items() if count > 1
    )
    for found in objects:
        yield from _envelope(found)
        for panel in found.panels:
            if unknown := set(panel) - _PANEL:
                yield f"{found.name}: a panel has unknown {_listed(unknown)}"


def _envelope(found: ReadObject) -> Iterator[str]:
    kind = str(found.body.get("type"))
    if kind not in VERSIONS:
        yield f"line {found.line}: '{kind}' is no type that dashboards need"
        return
    if different := set(found.body) ^ _ENVELOPE:
        yield f"{found.name}: its envelope lacks or should not have {_listed(different)}"
    for name, wanted in (
        ("typeMigrationVersion", VERSIONS[kind]),
        ("coreMigrationVersion", CORE_VERSION),
    ):
        if found.body.get(name) != wanted:
            yield f"{found.name}: {name} is {found.body.get(name)}, and must be {wanted}"
    attributes = found.body.get("attributes", {})
    if different := set(attributes) ^ ATTRIBUTES[kind]:
        yield f"{found.name}: its attributes lack or should not have {_listed(different)}"
    for field in found.inside.get("fieldFormatMap", {}):
        if field_type(field) is None:
            yield f"{found.name}: it says how to write {field}, which documents do not have"
    if kind == "dashboard" and set(attributes.get("controlGroupInput", {})) != _CONTROL_GROUP:
        yield f"{found.name}: the attributes of its controls are not those of Kibana"
    if kind != "index-pattern" and not (attributes.get("title") and attributes.get("description")):
        yield f"{found.name}: without a title and a description nobody can tell what it shows"


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names))
