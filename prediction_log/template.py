"""The one index template for all indices of an installation (mappings in `template.json`)."""

import json
from importlib.resources import files
from typing import Any

from elasticsearch import Elasticsearch

from contracts.settings import Settings
from prediction_log.client import connect, translated
from prediction_log.indices import DERIVED_KINDS, KINDS, REPLAYS

MOST_FIELDS = 2000
"""Mapped fields of one index. Features beyond are kept in `_source` but cannot be aggregated."""
PRIORITY = 200
_COVERED = (*KINDS, *DERIVED_KINDS, REPLAYS)


def template_body(settings: Settings) -> dict[str, Any]:
    """What is sent to `_index_template`.

    The patterns name the kinds one by one: `millrace-*` would also match the indices of an
    installation called `millrace-test`, and Elasticsearch refuses two such templates.
    """
    template = json.loads(files("prediction_log").joinpath("template.json").read_text("utf-8"))
    template["settings"] = {
        "number_of_shards": 1,
        "number_of_replicas": settings.index_replicas,
        "refresh_interval": "1s",
        "mapping.total_fields.limit": MOST_FIELDS,
        "mapping.total_fields.ignore_dynamic_beyond_limit": True,
    }
    return {
        "index_patterns": [f"{settings.index_prefix}-{kind}-*" for kind in _COVERED],
        "priority": PRIORITY,
        "version": template["mappings"]["_meta"]["version"],
        "_meta": {"description": "Millrace: predictions, labels, dead letters, model events"},
        "template": template,
    }


def install_template(settings: Settings) -> None:
    """Create or replace the index template, named as the index prefix, and update its indices.

    Must be done before the first document: an index without it would guess its mapping. One of a
    newer release stays: it has every field of ours, and services of both releases may run.

    Raises:
        UnreachableError: Elasticsearch does not answer.
        MillraceError: Elasticsearch refused the template.
    """
    client = connect(settings, connections=1)
    try:
        with translated(settings):
            body = template_body(settings)
            if _installed_version(client, settings.index_prefix) <= body["version"]:
                client.indices.put_index_template(name=settings.index_prefix, body=body)
                _update_indices(client, body)
    finally:
        client.close()


def _installed_version(client: Elasticsearch, name: str) -> int:
    found = client.options(ignore_status=404).indices.get_index_template(
        name=name, filter_path="index_templates.index_template.version"
    )
    versions = [one["index_template"].get("version", 0) for one in found.get("index_templates", [])]
    return max(versions, default=0)


def _update_indices(client: Elasticsearch, body: dict[str, Any]) -> None:
    """Give indices of an older template the fields that came since: they are strict, and would
    refuse today's documents. Mappings only ever grow; an index that is none of ours is left."""
    mappings = body["template"]["mappings"]
    pattern = ",".join(body["index_patterns"])
    versions = client.indices.get_mapping(
        index=pattern, ignore_unavailable=True, filter_path="*.mappings._meta.version"
    ).body
    for index, found in versions.items():
        if found["mappings"]["_meta"]["version"] < body["version"]:
            client.indices.put_mapping(
                index=index,
                properties=mappings["properties"],
                dynamic_templates=mappings["dynamic_templates"],
                meta=mappings["_meta"],
            )
