"""What a version must show before it serves, and what a canary must show before it serves all.

A recipe states the rules, the manifest carries them signed, so that whoever publishes applies those
of whoever trained.
"""

from collections.abc import Container
from typing import Annotated

from msgspec import Meta, Struct

HIGHER_IS_BETTER = frozenset(
    {"accuracy", "precision", "recall", "f1", "roc_auc", "r2", "silhouette"}
)
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error", "cost", "mae", "rmse"})

_TELLING = ("roc_auc", "accuracy", "r2")

_Positive = Annotated[float, Meta(gt=0)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Count = Annotated[int, Meta(ge=0)]


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Bounds of one metric, in its own unit.

    Args:
        worse_by: how much worse than the champion on the same rows it may be; below 0: how much
            better it must be.
    """

    at_least: float | None = None
    at_most: float | None = None
    worse_by: float | None = None


class LatencyBudget(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Most milliseconds (median of several calls) for one row, and for a batch."""

    one_row_ms: _Positive | None = None
    batch_ms: _Positive | None = None
    batch_rows: Annotated[int, Meta(ge=1)] = 2000


class Gate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a candidate must show on its held-out rows before it serves anybody.

    Args:
        minimum_rows: held-out rows; fewer say nothing.
        metrics: metric -> its bounds; none: it must not be clearly worse than the champion in the
            metric that says most about its task.
    """

    minimum_rows: _Count = 0
    metrics: dict[str, Limit] = {}
    latency: LatencyBudget = LatencyBudget()


class CanaryRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When a canary is promoted, and when it is rolled back, without anybody asking.

    Args:
        least_predictions: of the canary and of the champion, before anything is decided.
        least_labels: labelled predictions of each; 0: labels are not waited for.
        error_rate_margin: how much greater than the champion's the share of events may be that
            the canary cannot score.
        latency_factor: how many times the champion's median of a predict call per batch.
        distance_limit: population stability index between what the two predict.
        metrics: metric on labelled predictions -> its bounds.
        hours: how long the evidence may take; a canary that has not shown enough by then is
            rolled back.
    """

    least_predictions: Annotated[int, Meta(ge=1)] = 1000
    least_labels: _Count = 0
    error_rate_margin: _Share = 0.01
    latency_factor: _Positive = 2.0
    distance_limit: _Positive = 0.25
    metrics: dict[str, Limit] = {}
    hours: _Positive = 24.0


def telling_metric(given: Container[str]) -> str | None:
    """The one of these metrics that says most about a task, more being better; None: nothing that
    was foretold can be compared with what happened."""
    return next((name for name in _TELLING if name in given), None)
