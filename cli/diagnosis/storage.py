"""Elasticsearch: health, blocks, disks and the index template (pure)."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from cli.diagnosis.findings import Finding, error, ok, warning

CHECK = "elasticsearch"
LOW, FLOOD = 0.85, 0.95
"""Elasticsearch's own defaults: above the first it allocates no shards, above the second it
makes indices read-only (cluster.routing.allocation.disk.watermark.*)."""


class Disk(Struct, frozen=True):
    """A data disk of a node, bytes."""

    total: int
    available: int


def check_disks(disks: Mapping[str, Disk]) -> Iterator[Finding]:
    """Judge the disks by node."""
    for node, disk in disks.items():
        used = 1 - disk.available / disk.total if disk.total else 0.0
        what = f"the disk of {node} is {used:.0%} full"
        if used >= FLOOD:
            yield error(
                CHECK, f"{what}: indices become read-only", "delete old indices or add disk"
            )
        elif used >= LOW:
            yield warning(CHECK, what, "delete old indices or add disk")
        else:
            yield ok(CHECK, what)


def check_health(status: str, unassigned: int) -> Iterator[Finding]:
    """Judge the cluster's health."""
    if status == "red":
        yield error(
            CHECK,
            f"its health is red, {unassigned} shards have no place: documents cannot be written",
            "GET _cluster/allocation/explain says why",
        )
    elif status == "yellow":
        yield warning(
            CHECK,
            f"its health is yellow: {unassigned} copies have no place",
            "add a node, or set MILLRACE_INDEX_REPLICAS to 0 on a single one",
        )
    else:
        yield ok(CHECK, f"its health is {status}")


def check_blocks(blocked: Mapping[str, list[str]]) -> Iterator[Finding]:
    """Judge indices that refuse writes.

    Args:
        blocked: index -> the blocks that are set on it.
    """
    for index, blocks in sorted(blocked.items()):
        yield error(
            CHECK,
            f"index {index} takes no documents: {', '.join(sorted(blocks))}",
            "make room on the disk, then PUT <index>/_settings "
            '{"index.blocks.read_only_allow_delete": null, "index.blocks.read_only": null}',
        )


def check_template(ours: Mapping[str, Any], installed: Mapping[str, Any] | None) -> Finding:
    """Judge the index template: everything that we set must be there, with the same value."""
    if installed is None:
        return error("template", "the index template is not installed", "run 'millrace setup'")
    if drifted := sorted(_drift(ours, installed)):
        return error(
            "template",
            f"the index template differs from ours in {', '.join(drifted[:5])}"
            + (f" and {len(drifted) - 5} more" if len(drifted) > 5 else ""),
            "run 'millrace setup' with the newest version of Millrace in use",
        )
    return ok("template", "the index template is ours")


def _drift(ours: Mapping[str, Any], theirs: Any, path: str = "") -> Iterator[str]:
    if not isinstance(theirs, Mapping):
        yield path
        return
    for name, value in ours.items():
        where = f"{path}.{name}" if path else name
        there = theirs.get(name)
        if isinstance(value, Mapping):
            # Elasticsearch leaves out "object", which is what a field with properties is.
            yield from _drift(value, there or {}, where)
        elif there != value and str(there).lower() != str(value).lower():
            yield where
    for name in theirs if path.endswith("properties") else ():
        if name not in ours:
            yield f"{path}.{name}"
