"""How many documents each version has in each window of event time, counted by Elasticsearch."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.settings import Settings
from contracts.windows import Window, window_at, window_length
from prediction_log.indices import IndexNames

_PAGE = 5000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class VersionWindow(Struct, frozen=True, order=True):
    """What one version did in one role and window."""

    window: Window
    version: str
    role: str


class WindowCount(Struct, frozen=True):
    """Documents, and the sum of a field of theirs that was asked for."""

    rows: int
    total: float = 0.0


def newest_event(client: Elasticsearch, settings: Settings, model: str) -> datetime | None:
    """The event time of the newest serving prediction that can be searched: windows that end
    before it can be looked at."""
    answer = client.search(
        index=IndexNames(settings).pattern("predictions", model),
        size=0,
        query={"terms": {"model.role": ["champion", "canary"]}},
        aggs={"newest": {"max": {"field": "@timestamp"}}},
        filter_path="aggregations.newest.value",
    ).body
    value = answer.get("aggregations", {}).get("newest", {}).get("value")
    return None if value is None else _EPOCH + timedelta(milliseconds=value)


def window_counts(
    client: Elasticsearch,
    settings: Settings,
    kind: Literal["predictions", "outcomes"],
    model: str,
    versions: Sequence[str],
    hours: float,
    total: str | None = None,
) -> dict[VersionWindow, WindowCount]:
    """Count documents of a model by window, version and role; windows without any are left out.

    Args:
        versions: those of interest.
        hours: length of the windows, aligned as in `contracts.windows`.
        total: a field to be summed.
    """
    length = window_length(hours)
    interval = length // timedelta(milliseconds=1)
    offset = (window_at(_EPOCH, hours).start - _EPOCH) // timedelta(milliseconds=1) % interval
    start = {"field": "@timestamp", "fixed_interval": f"{interval}ms", "offset": f"{offset}ms"}
    composite: dict[str, Any] = {
        "size": _PAGE,
        "sources": [
            {"start": {"date_histogram": start}},
            {"version": {"terms": {"field": "model.version"}}},
            {"role": {"terms": {"field": "model.role"}}},
        ],
    }
    totals = {"total": {"sum": {"field": total}}} if total else {}
    counts: dict[VersionWindow, WindowCount] = {}
    while True:
        answer = client.search(
            index=IndexNames(settings).pattern(kind, model),
            size=0,
            query={"terms": {"model.version": list(versions)}},
            aggs={"windows": {"composite": composite, "aggs": totals}},
            filter_path="aggregations.windows",
        ).body
        found = answer.get("aggregations", {}).get("windows", {})
        for bucket in found.get("buckets", []):
            key = bucket["key"]
            begin = _EPOCH + timedelta(milliseconds=key["start"])
            window = Window(begin, begin + length)
            counts[VersionWindow(window, key["version"], key["role"])] = WindowCount(
                bucket["doc_count"], bucket["total"]["value"] if total else 0.0
            )
        if len(found.get("buckets", [])) < _PAGE:
            return counts
        composite = composite | {"after": found["after_key"]}
