"""Asking Elasticsearch: health, versions, clocks, disks, blocks, template and our rights."""

import time
from typing import Any

from elasticsearch import ApiError, Elasticsearch
from msgspec import Struct

from cli.diagnosis.storage import Disk
from contracts.settings import Settings
from prediction_log.client import connect, translated
from prediction_log.template import template_body

_PATIENCE_SECONDS = 10.0
_NEEDED = ("create_index", "create_doc", "index", "read", "maintenance")


class Facts(Struct, frozen=True):
    """What Elasticsearch tells; `ahead` is its clock against ours, in seconds."""

    status: str
    unassigned: int
    versions: set[str]
    ahead: float
    disks: dict[str, Disk]
    blocked: dict[str, list[str]]
    template: dict[str, Any] | None
    missing_rights: list[str]


def elasticsearch_facts(settings: Settings) -> Facts:
    """Ask.

    Raises:
        UnreachableError, AccessError, MillraceError: as `translated`.
    """
    client = connect(settings, connections=1).options(request_timeout=_PATIENCE_SECONDS)
    try:
        with translated(settings):
            return _ask(client, settings)
    finally:
        client.close()


def _ask(client: Elasticsearch, settings: Settings) -> Facts:
    health = client.cluster.health()
    began = time.time()
    nodes = client.nodes.stats(metric="fs", filter_path="nodes.*.timestamp,nodes.*.name,nodes.*.fs")
    half_way = (began + time.time()) / 2
    found = nodes["nodes"].values()
    versions = client.nodes.info(filter_path="nodes.*.version")["nodes"].values()
    offsets = [node["timestamp"] / 1000 - half_way for node in found]
    return Facts(
        status=health["status"],
        unassigned=health["unassigned_shards"],
        versions={node["version"] for node in versions},
        ahead=max(offsets, key=abs),
        disks={
            node["name"]: Disk(
                node["fs"]["total"]["total_in_bytes"], node["fs"]["total"]["available_in_bytes"]
            )
            for node in found
        },
        blocked=_blocked(client, settings),
        template=_template(client, settings),
        missing_rights=_missing_rights(client, settings),
    )


def _blocked(client: Elasticsearch, settings: Settings) -> dict[str, list[str]]:
    patterns = template_body(settings)["index_patterns"]
    answer = client.indices.get_settings(
        index=patterns, name="index.blocks.*", ignore_unavailable=True
    )
    blocks = {
        index: found["settings"].get("index", {}).get("blocks", {})
        for index, found in answer.items()
    }
    return {
        index: [name for name, value in block.items() if value == "true"]
        for index, block in blocks.items()
        if "true" in block.values()
    }


def _template(client: Elasticsearch, settings: Settings) -> dict[str, Any] | None:
    name = settings.index_prefix
    found = client.options(ignore_status=404).indices.get_index_template(
        name=name, flat_settings=True
    )
    templates = found.get("index_templates", [])
    if not templates:
        return None
    installed: dict[str, Any] = templates[0]["index_template"]
    template = installed.get("template", {})
    # What was sent as `number_of_shards` comes back as `index.number_of_shards`.
    named = {n.removeprefix("index."): v for n, v in template.get("settings", {}).items()}
    return {**installed, "template": {**template, "settings": named}}


def _missing_rights(client: Elasticsearch, settings: Settings) -> list[str]:
    try:
        answer = client.security.has_privileges(
            index=[{"names": [f"{settings.index_prefix}-*"], "privileges": list(_NEEDED)}]
        )
    except ApiError as error:
        if error.meta.status in (401, 403):
            raise
        return []  # security is off: everybody may do everything
    granted: dict[str, bool] = next(iter(answer["index"].values()), {})
    return [right for right in _NEEDED if not granted.get(right)]
