"""Which fields documents have from the start, and of what type: as the index template says."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any


@cache
def field_types() -> Mapping[str, str]:
    """Dotted name -> Elasticsearch's type, of the fields that can be aggregated. Fields that only
    appear with the first document that has them are not among them: until then Kibana shows an
    error in their place."""
    template = json.loads(files("prediction_log").joinpath("template.json").read_text("utf-8"))
    return dict(_leaves("", template["mappings"]["properties"]))


def field_type(name: str) -> str | None:
    """The type of a field; None: there is none, or it cannot be aggregated."""
    return field_types().get(name)


@cache
def shown_fields() -> Mapping[str, str]:
    """Those and the texts, which can be shown and not aggregated."""
    template = json.loads(files("prediction_log").joinpath("template.json").read_text("utf-8"))
    return dict(_leaves("", template["mappings"]["properties"], texts=True))


def _leaves(
    prefix: str, properties: Mapping[str, Any], texts: bool = False
) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, field in properties.items():
        kind, path = field.get("type", "object"), f"{prefix}{name}"
        if kind == "object":
            found += _leaves(f"{path}.", field.get("properties", {}), texts)
        elif field.get("doc_values", True) and (texts or kind != "text"):
            found.append((path, kind))
    return found
