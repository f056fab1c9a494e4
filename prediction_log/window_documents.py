"""The `_source` of what is computed window by window: drift and performance of a version."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

from contracts.windows import Window
from prediction_log.documents import TIMESTAMP, EventModel

State = Literal["ok", "over", "too_few", "unknown"]
"""`too_few`: rows; `unknown`: there is nothing to compare with."""


class Verdict(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure beside its limit: what alerts are made of.

    Args:
        signal: a feature, `prediction`, `confidence`, `features together`, or a metric.
        statistic: what `value` is, for example `psi`.
        ratio: how far over its limit it is, above 1: over.
    """

    signal: str
    statistic: str
    state: State
    value: float | None = None
    limit: float | None = None
    ratio: float | None = None


class DriftFigures(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a signal is from its reference; figures that its kind does not have are absent.

    Args:
        kind: of the signal.
        jensen_shannon: distance, base 2, 0 to 1.
        chi2, p_value: of the test that fits the kind. ks: greatest difference of the two
            cumulative shares at the edges of the bins.
        psi: population stability index, of the bins that hold enough rows; the others together.
        missing, unknown: shares of rows without a value, or with a category that the reference
            does not have.
        auc: how well rows of the window can be told from rows of the reference, 0.5: not at all.
        estimate: what the model is worth by its own confidence.
        ..._before: the same of the reference.
        bins: reference and window beside each other, for pictures; kept and not indexed.
    """

    kind: Literal["numeric", "categorical", "multivariate", "estimate"]
    psi: float | None = None
    jensen_shannon: float | None = None
    chi2: float | None = None
    p_value: float | None = None
    ks: float | None = None
    auc: float | None = None
    auc_before: float | None = None
    estimate: float | None = None
    estimate_before: float | None = None
    missing: float | None = None
    missing_before: float | None = None
    unknown: float | None = None
    mean: float | None = None
    mean_before: float | None = None
    spread: float | None = None
    spread_before: float | None = None
    bins: dict[str, Any] | None = None


class DriftDocument(Struct, frozen=True, kw_only=True, omit_defaults=True, rename=TIMESTAMP):
    """One signal of one version in one window; `timestamp` is the window's start. Its id is
    `<model>-<version>-<role>-<start, epoch seconds>-<hash of the signal>`."""

    timestamp: datetime
    model: EventModel
    window: Window
    rows: int
    drift: DriftFigures
    verdict: Verdict
    computed_at: datetime


class PerformanceFigures(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one version was worth in one window.

    Args:
        predictions, labelled: rows; coverage: their ratio.
        repeated: predictions of an event id that had one before in the same window; a label
            belongs to the first.
        measured: labelled rows that the figures are taken of; fewer than all where the window has
            more than fit into memory, or where a label is of another kind than the prediction.
        label_offsets: their sum; another one tells that a label was corrected since.
        metrics: figure -> value; low, high: ends of its 95 % bootstrap interval.
    """

    predictions: int
    labelled: int
    coverage: float
    repeated: int = 0
    measured: int = 0
    label_offsets: float = 0.0
    metrics: dict[str, float] = {}
    low: dict[str, float] = {}
    high: dict[str, float] = {}


class PerformanceDocument(Struct, frozen=True, kw_only=True, omit_defaults=True, rename=TIMESTAMP):
    """One version in one role and window; `timestamp` is the window's start. Its id is
    `<model>-<version>-<role>-<start, epoch seconds>`; late labels make it anew."""

    timestamp: datetime
    model: EventModel
    window: Window
    rows: int
    performance: PerformanceFigures
    verdict: Verdict
    """The worst of `verdicts`."""
    verdicts: tuple[Verdict, ...] = ()
    computed_at: datetime
