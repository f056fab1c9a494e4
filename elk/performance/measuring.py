"""The step of the monitor that measures what versions were worth, in windows that have changed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby

import msgspec
from elasticsearch import Elasticsearch
from msgspec import Struct
from msgspec.structs import astuple

from contracts.evaluation import classes_of, outcome_metrics
from contracts.packages import Manifest, Metrics
from contracts.settings import Settings
from elk.performance.intervals import bootstrap
from elk.performance.labelled import LabelledRows, labelled_rows
from elk.performance.repeated import repeated
from elk.performance.verdicts import verdicts, worst
from elk.retention.closed import Wanted, closed_months, still_measured, was_closed
from elk.retention.due import Kept
from elk.watched import Measurable
from elk.window_counts import VersionWindow, WindowCount, window_counts
from elk.written_windows import WrittenWindows
from prediction_log.documents import EventModel
from prediction_log.event_times import newest_event
from prediction_log.indices import IndexNames
from prediction_log.window_documents import PerformanceDocument, PerformanceFigures

_CLOSING: tuple[Kept, ...] = ("predictions", "outcomes")
"""Kinds without whose documents a window is not what it was."""
_ROWS = "rows"
"""A figure of `contracts.evaluation` that is no measure."""


class Counts(Struct, frozen=True):
    """Predictions of a version in a window, those that have a label, and the sum of the offsets of
    these labels: a label that is corrected changes nothing else."""

    predictions: int
    labelled: int
    label_offsets: float = 0.0


_COUNTED = tuple(f"performance.{name}" for name in Counts.__struct_fields__)


def measure(
    settings: Settings, client: Elasticsearch, models: Sequence[Measurable]
) -> dict[str, int]:
    """Write a document for each version, role and window that is new, or has got other counts.

    Returns:
        `documents`: how many were written.

    Raises:
        ApiError, TransportError: as Elasticsearch's client raises them.
    """
    written = 0
    for model in models:
        newest = newest_event(client, settings, model.name)
        if newest is not None:
            closed = closed_months(client, settings, model.name, _CLOSING)
            written += measure_windows(settings, client, model, still_measured(closed, newest))
    return {"documents": written}


def measure_windows(
    settings: Settings, client: Elasticsearch, model: Measurable, wanted: Wanted
) -> int:
    """Write a document for each version, role and window that is new, or has got other counts.

    Returns:
        How many were written.

    Raises:
        ApiError, TransportError: as Elasticsearch's client raises them.
    """
    names, written = IndexNames(settings), 0
    due = sorted(changed(settings, client, model, wanted).items())
    for window, versions in groupby(due, lambda one: one[0].window):
        again = repeated(client, settings, model.name, window)
        for which, counts in versions:
            figures = measured(
                settings, client, model.versions[which.version], which, counts, again
            )
            if was_closed(client, settings, model.name, _CLOSING, window):
                continue
            client.index(
                index=names.performance(model.name, window.start),
                id=document_id(model.name, which),
                document=msgspec.to_builtins(figures),
            )
            written += 1
    return written


def measured(
    settings: Settings,
    client: Elasticsearch,
    manifest: Manifest,
    which: VersionWindow,
    counts: Counts,
    again: Mapping[VersionWindow, int],
) -> PerformanceDocument:
    """What one version was worth in one window.

    Args:
        again: predictions that are not the first of their event id.
    """
    labelled = labelled_rows(client, settings, manifest, which, counts.labelled)
    metrics, low, high = _figures(manifest, labelled)
    performance = PerformanceFigures(
        predictions=counts.predictions,
        labelled=counts.labelled,
        coverage=counts.labelled / counts.predictions,
        repeated=again.get(which, 0),
        measured=len(labelled.answers),
        label_offsets=counts.label_offsets,
        metrics=metrics,
        low=low,
        high=high,
    )
    rule, held_out = manifest.monitor, manifest.holdout.metrics if manifest.holdout else {}
    judged = verdicts(rule, held_out, performance)
    return PerformanceDocument(
        timestamp=which.window.start,
        model=EventModel(manifest.model, which.version, which.role),
        window=which.window,
        rows=counts.predictions,
        performance=performance,
        verdict=worst(judged, enough=counts.labelled >= rule.least_rows),
        verdicts=judged,
        computed_at=datetime.now(UTC),
    )


def document_id(model: str, which: VersionWindow) -> str:
    """The same whoever measures, and whenever."""
    start = int(which.window.start.timestamp())
    return f"{model}-{which.version}-{which.role}-{start}"


def _figures(manifest: Manifest, labelled: LabelledRows) -> tuple[Metrics, Metrics, Metrics]:
    """The figures, and both ends of their intervals."""
    if not labelled.answers:
        return {}, {}, {}
    classes = classes_of(manifest, labelled.truth)
    metrics = outcome_metrics(labelled.answers, labelled.truth, classes, manifest.costs)
    low, high = bootstrap(labelled.rows(manifest))
    return {n: v for n, v in metrics.items() if n.rpartition(".")[2] != _ROWS}, low, high


def changed(
    settings: Settings, client: Elasticsearch, model: Measurable, wanted: Wanted
) -> dict[VersionWindow, Counts]:
    """What is to be measured: windows whose counts are not those of a document."""
    known = WrittenWindows(client, settings, "performance", model.name, _COUNTED)
    predictions = window_counts(client, settings, "predictions", model.name, model.versions)
    labelled = window_counts(
        client, settings, "outcomes", model.name, model.versions, total="label_kafka.offset"
    )
    found = {}
    for which, count in predictions.items():
        labels = labelled.get(which, WindowCount(0))
        counts = Counts(count.rows, labels.rows, labels.total)
        there = known.of(which)
        same = there is not None and there.agrees(*astuple(counts))
        if wanted(which.window) and not same:
            found[which] = counts
    return found
