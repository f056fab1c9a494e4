"""Drift of every version in every window that is new or has changed: a step of the monitor."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import structlog
from elasticsearch import Elasticsearch

from contracts.errors import PackageError, UsageError
from contracts.model_store import ModelStore
from contracts.packages import Manifest
from contracts.reference import Reference, from_bytes
from contracts.settings import Settings
from elk.drift.documents import Written, write, written
from elk.drift.sampling import tell_apart
from elk.drift.searches import compared, observed, searches
from elk.drift.verdicts import Measured, judge, spoken_of, too_few, without_reference
from elk.retention.closed import Wanted, closed_months, still_measured, was_closed
from elk.watched import Measurable
from elk.window_counts import VersionWindow, newest_event, window_counts
from prediction_log.documents import EventModel
from prediction_log.indices import IndexNames
from prediction_log.window_documents import DriftDocument

log = structlog.get_logger("monitor")

MOST_WINDOWS = 500
"""Of a version in one round; the next one goes on, so that other steps are not held up."""


def measure_drift(
    settings: Settings, client: Elasticsearch, models: Sequence[Measurable]
) -> Mapping[str, int]:
    """Write the drift of each version in each window that is over and not written yet, or whose
    rows are others than when it was.

    Returns:
        How many windows were measured, and how many documents they are.

    Raises:
        MillraceError: Elasticsearch or the model store refused, or does not answer.
    """
    windows = documents = 0
    for model in models:
        newest = newest_event(client, settings, model.name)
        if newest is None:
            continue
        closed = closed_months(client, settings, model.name, ("predictions",))
        wanted = still_measured(closed, newest)
        for manifest in model.versions.values():
            counts = measure_version(settings, client, manifest, wanted, MOST_WINDOWS)
            windows, documents = windows + counts[0], documents + counts[1]
    return {"windows": windows, "documents": documents}


def measure_version(
    settings: Settings,
    client: Elasticsearch,
    manifest: Manifest,
    wanted: Wanted,
    most: int | None = None,
) -> tuple[int, int]:
    """Write the drift of a version in those windows that are not written yet, or whose rows are
    others than when it was.

    Args:
        most: windows; none: all.

    Returns:
        How many windows were measured, and how many documents they are.

    Raises:
        MillraceError: Elasticsearch or the model store refused, or does not answer.
    """
    reference, due = due_windows(settings, client, manifest, wanted)
    windows = documents = 0
    for one, rows in islice(due.items(), most):
        found = measure_window(client, settings, manifest, reference, one, rows)
        if was_closed(client, settings, manifest.model, ("predictions",), one.window):
            continue
        write(client, settings, found)
        windows, documents = windows + 1, documents + len(found)
    return windows, documents


def due_windows(
    settings: Settings, client: Elasticsearch, manifest: Manifest, wanted: Wanted
) -> tuple[Reference | None, dict[VersionWindow, int]]:
    """The reference of a version, and rows of the windows that are to be measured, oldest first.

    Raises:
        MillraceError: Elasticsearch or the model store refused, or does not answer.
    """
    reference = read_reference(settings, manifest)
    known = written(client, settings, manifest.model, manifest.version)
    rows = rows_of(client, settings, manifest)
    return reference, {
        one: rows[one]
        for one in sorted(rows)
        if wanted(one.window)
        and known.get((one.window.start, one.role))
        != Written(spoken_of(reference, one.role), rows[one], rows[one])
    }


def rows_of(
    client: Elasticsearch, settings: Settings, manifest: Manifest
) -> Mapping[VersionWindow, int]:
    """Rows of a version by window and role."""
    hours = manifest.monitor.window_hours
    versions = [manifest.version]
    counts = window_counts(client, settings, "predictions", manifest.model, versions, hours)
    return {one: count.rows for one, count in counts.items()}


def read_reference(settings: Settings, manifest: Manifest) -> Reference | None:
    """What windows of a version are compared with; None: it has none, or none to be trusted.

    Args:
        manifest: verified, so that what it names by its sha256 is verified too.

    Raises:
        UnreachableError: the model store does not answer.
    """
    if manifest.reference is None:
        return None
    store = ModelStore(settings.store_url)
    try:
        digest = store.find(manifest.model, manifest.version).digest
        return from_bytes(store.reference(manifest.model, digest), manifest.reference.sha256)
    except (PackageError, UsageError) as error:
        log.warning(
            "a reference cannot be used",
            model=manifest.model,
            version=manifest.version,
            reason=str(error),
        )
        return None


def measure_window(
    client: Elasticsearch,
    settings: Settings,
    manifest: Manifest,
    reference: Reference | None,
    one: VersionWindow,
    rows: int,
) -> list[DriftDocument]:
    """Compare what a version met and answered in a window with its reference.

    Args:
        rows: how many there were when they were counted.

    Raises:
        elasticsearch.ApiError, elastic_transport.TransportError: as its client raises them.
    """
    if reference is None:
        measured = [without_reference()]
    elif rows < manifest.monitor.least_rows:
        measured = too_few(reference, one.role)
    else:
        measured = _compare(client, settings, manifest, reference, one)
    now = datetime.now(UTC)
    return [
        DriftDocument(
            timestamp=one.window.start,
            model=EventModel(manifest.model, one.version, one.role),
            window=one.window,
            rows=rows,
            drift=each.figures,
            verdict=each.verdict,
            computed_at=now,
        )
        for each in measured
    ]


def _compare(
    client: Elasticsearch,
    settings: Settings,
    manifest: Manifest,
    reference: Reference,
    one: VersionWindow,
) -> list[Measured]:
    pattern = IndexNames(settings).pattern("predictions", manifest.model)
    span = {"gte": one.window.start.isoformat(), "lt": one.window.end.isoformat()}
    query: dict[str, Any] = {
        "bool": {
            "filter": [
                {"term": {"model.version": one.version}},
                {"term": {"model.role": one.role}},
                {"range": {"@timestamp": span}},
            ]
        }
    }
    signals = compared(reference, one.role)
    answers: dict[str, Any] = {}
    rows = 0
    for aggregations in searches(signals, reference.calibration, manifest.classes):
        answer = client.search(
            index=pattern,
            size=0,
            track_total_hits=True,
            query=query,
            aggs=aggregations,
            filter_path="hits.total.value,aggregations",
        ).body
        rows = answer["hits"]["total"]["value"]
        answers |= answer.get("aggregations", {})
    counted = observed(rows, signals, reference.calibration, answers)
    if rows < manifest.monitor.least_rows:  # some were deleted since they were counted
        return too_few(reference, one.role)
    told = None
    if one.role != "shadow":
        told = tell_apart(client, pattern, query, reference)
    return judge(reference, counted, manifest.monitor, one.role, told)
