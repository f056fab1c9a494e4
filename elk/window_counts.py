"""How many documents each version has in each window of event time, counted by Elasticsearch."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Literal

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.packages import Manifest
from contracts.settings import Settings
from contracts.windows import EPOCH, Window, window_at, window_length
from prediction_log.indices import IndexNames
from prediction_log.pages import buckets

Counted = Literal["predictions", "outcomes"]


class VersionWindow(Struct, frozen=True, order=True):
    """What one version did in one role and window."""

    window: Window
    version: str
    role: str


class WindowCount(Struct, frozen=True):
    """Documents, and the sum of a field of theirs that was asked for."""

    rows: int
    total: float = 0.0


def window_counts(
    client: Elasticsearch,
    settings: Settings,
    kind: Counted,
    model: str,
    manifests: Mapping[str, Manifest],
    total: str | None = None,
) -> dict[VersionWindow, WindowCount]:
    """Count documents of a model by window, version and role; windows without any are left out.

    Args:
        manifests: of the versions of interest; each says how long its windows are. Versions with
            windows of one length are counted at once.
        total: a field to be summed.
    """
    by_length: dict[float, list[str]] = {}
    for version, manifest in manifests.items():
        by_length.setdefault(manifest.monitor.window_hours, []).append(version)
    counts: dict[VersionWindow, WindowCount] = {}
    for hours, versions in by_length.items():
        counts |= counts_of_length(client, settings, kind, model, versions, hours, total)
    return counts


def counts_of_length(
    client: Elasticsearch,
    settings: Settings,
    kind: Counted,
    model: str,
    versions: Sequence[str],
    hours: float,
    total: str | None = None,
) -> dict[VersionWindow, WindowCount]:
    """As `window_counts`, of versions whose windows are so many hours long."""
    pattern = IndexNames(settings).pattern(kind, model)
    length = window_length(hours)
    interval = length // timedelta(milliseconds=1)
    offset = (window_at(EPOCH, hours).start - EPOCH) // timedelta(milliseconds=1) % interval
    start = {"field": "@timestamp", "fixed_interval": f"{interval}ms", "offset": f"{offset}ms"}
    sources = [
        {"start": {"date_histogram": start}},
        {"version": {"terms": {"field": "model.version"}}},
        {"role": {"terms": {"field": "model.role"}}},
    ]
    query = {"terms": {"model.version": versions}}
    totals = {"total": {"sum": {"field": total}}} if total else {}
    counts: dict[VersionWindow, WindowCount] = {}
    for bucket in buckets(client, pattern, query, sources, totals):
        key = bucket["key"]
        begin = EPOCH + timedelta(milliseconds=key["start"])
        which = VersionWindow(Window(begin, begin + length), key["version"], key["role"])
        counts[which] = WindowCount(bucket["doc_count"], bucket["total"]["value"] if total else 0.0)
    return counts
