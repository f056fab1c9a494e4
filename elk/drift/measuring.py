"""Drift of every version in every window that is new or has changed: a step of the monitor."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import attrgetter
from typing import Any

import structlog
from elasticsearch import Elasticsearch

from contracts.errors import PackageError, UsageError
from contracts.model_store import ModelStore
from contracts.packages import Manifest
from contracts.reference import Reference
from contracts.settings import Settings
from contracts.side_files import from_bytes
from elk.drift.documents import write
from elk.drift.sampling import tell_apart
from elk.drift.searches import compared, observed, searches
from elk.drift.verdicts import Measured, judge, spoken_of, too_few, without_reference
from elk.retention.closed import Wanted, closed_months, still_measured, was_closed
from elk.retention.due import Kept
from elk.watched import Measurable
from elk.window_counts import VersionWindow, window_counts
from elk.written_windows import WrittenWindows
from prediction_log.documents import EventModel
from prediction_log.event_times import newest_event
from prediction_log.indices import IndexNames
from prediction_log.window_documents import DriftDocument

log = structlog.get_logger("monitor")

MOST_WINDOWS = 500
"""Of a version in one round; the next one goes on, so that other steps are not held up."""
_CLOSING: tuple[Kept, ...] = ("predictions",)
"""Kinds without whose documents a window is not what it was."""


class DriftStep:
    """Writes the drift of each version in each window that is over and not written yet, or whose
    rows are others than when it was. Of references it remembers how many signals they speak of:
    packages never change.
    """

    def __init__(self) -> None:
        self._spoken: dict[tuple[str, str], int] = {}

    def __call__(
        self, settings: Settings, client: Elasticsearch, models: Sequence[Measurable]
    ) -> dict[str, int]:
        """Measure some models.

        Returns:
            `documents`: how many were written.

        Raises:
            MillraceError: Elasticsearch or the model store refused, or does not answer.
            ApiError, TransportError: as Elasticsearch's client raises them.
        """
        documents = 0
        for model in models:
            newest = newest_event(client, settings, model.name)
            if newest is not None:
                closed = closed_months(client, settings, model.name, _CLOSING)
                wanted = still_measured(closed, newest)
                documents += self.measure_windows(settings, client, model, wanted, MOST_WINDOWS)
        return {"documents": documents}

    def measure_windows(
        self,
        settings: Settings,
        client: Elasticsearch,
        model: Measurable,
        wanted: Wanted,
        most: int | None = None,
    ) -> int:
        """Measure one model in those windows that are due.

        Args:
            most: windows of a version, the oldest; None: all.

        Returns:
            How many documents were written.

        Raises:
            MillraceError: Elasticsearch or the model store refused, or does not answer.
            ApiError, TransportError: as Elasticsearch's client raises them.
        """
        documents = 0
        due = self.due(settings, client, model, wanted)
        in_order = sorted(due, key=lambda one: (one.version, one))
        for version, windows in groupby(in_order, attrgetter("version")):
            manifest = model.versions[version]
            reference = read_reference(settings, manifest)
            for one in islice(windows, most):
                found = measure_window(client, settings, manifest, reference, one, due[one])
                if was_closed(client, settings, model.name, _CLOSING, one.window):
                    continue
                write(client, settings, found)
                documents += len(found)
        return documents

    def due(
        self, settings: Settings, client: Elasticsearch, model: Measurable, wanted: Wanted
    ) -> dict[VersionWindow, int]:
        """What is to be measured, and its rows; raises as `measure_windows`."""
        known = WrittenWindows(client, settings, "drift", model.name, ["rows"])
        counts = window_counts(client, settings, "predictions", model.name, model.versions)
        due = {}
        for one, count in counts.items():
            there, manifest = known.of(one), model.versions[one.version]
            # There may be a document more than there ought to be: that nothing was known, from
            # when the reference could not be read.
            whole = (
                there is not None
                and there.agrees(count.rows)
                and there.documents >= self._expected(settings, manifest, one.role)
            )
            if wanted(one.window) and not whole:
                due[one] = count.rows
        return due

    def _expected(self, settings: Settings, manifest: Manifest, role: str) -> int:
        if manifest.reference is None:
            return spoken_of(None, role)
        key = manifest.reference.sha256, role
        if key not in self._spoken:
            reference = read_reference(settings, manifest)
            if reference is None:
                return spoken_of(None, role)
            self._spoken[key] = spoken_of(reference, role)
        return self._spoken[key]


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
        data = store.reference(manifest.model, digest)
        return from_bytes(data, manifest.reference.sha256, Reference, "the reference")
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
