"""The windows of a version for a report: as written by the monitor, or measured now."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.errors import UsageError
from contracts.manifests import verified_manifest
from contracts.model_store import ModelStore
from contracts.packages import Manifest
from contracts.settings import Settings
from contracts.windows import Window
from elk.drift.documents import read
from elk.drift.measuring import measure_window, read_reference
from elk.drift.verdicts import spoken_of
from elk.retention.closed import closed_months, is_open
from elk.window_counts import VersionWindow, window_counts
from prediction_log.client import opened
from prediction_log.window_documents import DriftDocument

ROLES = ("champion", "canary", "shadow")


class DriftReport(Struct, frozen=True, kw_only=True):
    """Windows of a version in one role.

    Args:
        windows: oldest first. rows: of each. documents: signal -> one document per window; None
            where a window has none of that signal.
    """

    model: str
    version: str
    role: str
    window_hours: float
    windows: tuple[Window, ...]
    rows: tuple[int, ...]
    documents: Mapping[str, tuple[DriftDocument | None, ...]]


def report(
    settings: Settings,
    model: str,
    version: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    windows: int = 8,
) -> DriftReport:
    """The newest windows of a version, or those that begin in [start, end).

    What the monitor has not written is measured, and not written.

    Args:
        version: None: the newest that has answered anything.

    Raises:
        UsageError: there is no such version, or it answered nothing then.
        SignatureError, PackageError: its package is not to be trusted.
        UnreachableError: Elasticsearch or the model store does not answer.
    """
    store = ModelStore(settings.store_url)
    store.find(model, version)
    with opened(settings) as client:
        for number in [version] if version else reversed(list(store.versions(model))):
            digest = store.find(model, number).digest
            manifest = verified_manifest(settings, model, digest)
            counted = window_counts(client, settings, "predictions", model, {number: manifest})
            if counted:
                counts = {one: count.rows for one, count in counted.items()}
                return _report(client, settings, manifest, counts, start, end, windows)
    named = f"version {version} of '{model}'" if version else f"'{model}'"
    raise UsageError(f"{named} has answered no event that the log holds: there is nothing to show")


def _report(
    client: Elasticsearch,
    settings: Settings,
    manifest: Manifest,
    counts: Mapping[VersionWindow, int],
    start: datetime | None,
    end: datetime | None,
    most: int,
) -> DriftReport:
    role = max(ROLES, key=lambda role: (_newest(counts, role), -ROLES.index(role)))
    wanted = [
        one
        for one in sorted(counts)
        if one.role == role
        and (start is None or one.window.start >= start)
        and (end is None or one.window.start < end)
    ]
    if not wanted:
        raise UsageError(
            f"version {manifest.version} of '{manifest.model}' answered no event in that time; "
            f"its windows begin from {min(counts).window.start:%Y-%m-%d %H:%M} to "
            f"{max(counts).window.start:%Y-%m-%d %H:%M} UTC"
        )
    chosen = wanted if start or end else wanted[-most:]
    documents = _documents(client, settings, manifest, chosen, counts)
    signals = dict.fromkeys(one.verdict.signal for found in documents for one in found)
    by_signal = [{one.verdict.signal: one for one in found} for found in documents]
    return DriftReport(
        model=manifest.model,
        version=manifest.version,
        role=role,
        window_hours=manifest.monitor.window_hours,
        windows=tuple(one.window for one in chosen),
        rows=tuple(counts[one] for one in chosen),
        documents={signal: tuple(found.get(signal) for found in by_signal) for signal in signals},
    )


def _newest(counts: Mapping[VersionWindow, int], role: str) -> float:
    return max((one.window.start.timestamp() for one in counts if one.role == role), default=0.0)


def _documents(
    client: Elasticsearch,
    settings: Settings,
    manifest: Manifest,
    chosen: Sequence[VersionWindow],
    counts: Mapping[VersionWindow, int],
) -> list[list[DriftDocument]]:
    reference = read_reference(settings, manifest)
    windows = [one.window for one in chosen]
    role = chosen[0].role
    there: dict[Window, list[DriftDocument]] = {window: [] for window in windows}
    for document in read(client, settings, manifest.model, manifest.version, role, windows):
        there[document.window].append(document)
    expected = spoken_of(reference, role)
    closed = closed_months(client, settings, manifest.model, ("predictions",))
    return [
        there[one.window]
        if len(there[one.window]) == expected
        and (
            all(document.rows == counts[one] for document in there[one.window])
            or not is_open(closed, one.window)
        )
        else measure_window(client, settings, manifest, reference, one, counts[one])
        for one in chosen
    ]
