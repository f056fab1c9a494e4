"""Whether performance and drift of a month are there: measured now where they are not."""

from collections.abc import Mapping
from typing import Any

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.errors import MillraceError
from contracts.settings import Settings
from contracts.windows import Window
from elk.drift.measuring import DriftStep
from elk.performance.measuring import changed, measure_windows
from elk.retention.closed import Wanted, closed_months, is_open
from elk.retention.months import overlap
from elk.watched import Measurable
from elk.window_counts import counts_of_length
from elk.written_windows import WrittenWindows
from prediction_log.documents import EventModel
from prediction_log.indices import IndexNames
from prediction_log.pages import hits, read_as

_MOST_VERSIONS = 10_000


class _Measured(Struct, frozen=True):
    window: Window
    model: EventModel
    rows: int


def see_to_windows(
    settings: Settings,
    client: Elasticsearch,
    model: Measurable,
    month: Window,
    *,
    drift: bool,
) -> int:
    """Measure all windows that lie in a month, or in part, and were not closed before.

    Args:
        model: with the versions whose packages can be had.
        drift: else performance alone.

    Returns:
        How many documents were written.

    Raises:
        MillraceError: something is missing that cannot be measured.
        ApiError, TransportError: as Elasticsearch's client raises them.
    """
    closed = closed_months(client, settings, model.name, ("predictions", "outcomes"))
    performing = _of(month, closed)
    drifting = _of(month, closed_months(client, settings, model.name, ("predictions",)))
    count = measure_windows(settings, client, model, performing)
    drifts = DriftStep()
    if drift:
        count += drifts.measure_windows(settings, client, model, drifting)
    for kind in ("performance", "drift"):
        client.indices.refresh(index=f"{settings.index_prefix}-{kind}-*")
    left = {which.version for which in changed(settings, client, model, performing)}
    if drift:
        left |= {which.version for which in drifts.due(settings, client, model, drifting)}
    for version in _versions(client, settings, model.name, month) - set(model.versions):
        if not _was_measured(client, settings, model.name, version, performing, drifting, drift):
            left.add(version)
    if left:
        raise MillraceError(
            f"performance or drift of '{model.name}' version {', '.join(sorted(left))} is not "
            f"measured in all of {month.start:%Y-%m}: bring its package and deployment back, or "
            "delete the indices by hand if nobody will"
        )
    return count


def _of(month: Window, closed: list[Window]) -> Wanted:
    return lambda window: overlap(window, month) and is_open(closed, window)


def _versions(client: Elasticsearch, settings: Settings, model: str, month: Window) -> set[str]:
    span = {"gte": month.start.isoformat(), "lt": month.end.isoformat()}
    answer = client.search(
        index=IndexNames(settings).pattern("predictions", model),
        size=0,
        query={"range": {"@timestamp": span}},
        aggs={"versions": {"terms": {"field": "model.version", "size": _MOST_VERSIONS}}},
        filter_path="aggregations.versions.buckets.key",
    ).body
    found = answer.get("aggregations", {}).get("versions", {}).get("buckets", [])
    return {bucket["key"] for bucket in found}


def _was_measured(
    client: Elasticsearch,
    settings: Settings,
    model: str,
    version: str,
    performing: Wanted,
    drifting: Wanted,
    drift: bool,
) -> bool:
    """Of a version whose package is gone: whether the monitor measured all it answered in time."""
    filters: list[dict[str, Any]] = [{"term": {"model.version": version}}]
    pattern = IndexNames(settings).pattern("performance", model)
    known: Mapping[tuple[Window, str], int] = {
        (one.window, one.model.role or ""): one.rows
        for hit in hits(client, pattern, filters, sort=({"_shard_doc": "asc"},))
        if (one := read_as(hit, _Measured)) is not None
    }
    if not known:
        return False
    hours = max((w.end - w.start).total_seconds() for w, _ in known) / 3600
    counts = counts_of_length(client, settings, "predictions", model, [version], hours)
    drifted = WrittenWindows(client, settings, "drift", model, ["rows"])
    for which, count in counts.items():
        if performing(which.window) and known.get((which.window, which.role)) != count.rows:
            return False
        there = drifted.of(which)
        whole = there is not None and there.agrees(count.rows)
        if drift and drifting(which.window) and not whole:
            return False
    return True
