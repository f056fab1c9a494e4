"""What a version must show before it serves, before it serves all, and while it serves.

A recipe states the rules, the manifest carries them signed, so that whoever publishes applies those
of whoever trained.
"""

from collections.abc import Container
from typing import Annotated, Literal

from msgspec import Meta, Struct

HIGHER_IS_BETTER = frozenset(
    {"accuracy", "precision", "recall", "f1", "roc_auc", "r2", "silhouette"}
)
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "calibration_error", "cost", "mae", "rmse"})

_TELLING = ("roc_auc", "accuracy", "r2")

_Positive = Annotated[float, Meta(gt=0)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Count = Annotated[int, Meta(ge=0)]
_LONGEST_HOURS = 200_000.0
"""Longer than events may be old, and what calendars can be asked for."""
_Hours = Annotated[float, Meta(ge=0.001, le=_LONGEST_HOURS)]


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


class MonitorRule(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """How a version is watched while it serves, window of event time by window.

    Args:
        window_hours: length of a window; windows are counted from Monday, 5 January 1970, 0:00 UTC.
        least_rows: predictions (for drift) or labelled predictions (for performance) without which
            a window says nothing.
        false_alarms: share of windows without drift in which any signal may be over its limit; the
            limits follow from it and from what the training data did.
        windows, over: an alert is raised when a kind of signal was over its limit in `over` of the
            newest `windows` windows that say something, and resolved when it was in none of them.
        metrics: metric on labelled predictions -> its bounds, `worse_by` beside the held-out rows
            of the version itself; none: the telling metric of the task may be 0.05 worse.
    """

    window_hours: _Hours = 24.0
    least_rows: Annotated[int, Meta(ge=1)] = 200
    false_alarms: Annotated[float, Meta(gt=0, lt=1)] = 0.01
    windows: Annotated[int, Meta(ge=1)] = 3
    over: Annotated[int, Meta(ge=1)] = 2
    metrics: dict[str, Limit] = {}

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: no number of windows could ever raise an alert.
        """
        if self.over > self.windows:
            raise ValueError(
                f"over = {self.over} of the newest {self.windows} windows cannot be: make it "
                f"{self.windows} or less"
            )


AlertKind = Literal["drift", "performance"]


class RetrainRule(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    """When a model is trained again from the log, and what becomes of the candidate.

    Times are event times: what counts is how much has happened, not how long a clock ran.

    Args:
        on: kinds of alerts that it answers to.
        every_hours: how long after the newest retraining there is another one without an alert;
            none: never.
        train_hours: the training window, up to the end of the newest window that was looked at.
        least_rows: labelled events of that window without which nothing is trained.
        cooldown_hours: between the ends of two training windows.
        role: what a candidate becomes that passes the gate.
        weight: of a canary.
    """

    on: tuple[AlertKind, ...] = ("drift", "performance")
    every_hours: _Hours | None = None
    train_hours: _Hours = 60 * 24.0
    least_rows: Annotated[int, Meta(ge=1)] = 1000
    cooldown_hours: Annotated[float, Meta(ge=0, le=_LONGEST_HOURS)] = 7 * 24.0
    role: Literal["champion", "canary"] = "champion"
    weight: Annotated[float, Meta(gt=0, lt=1)] = 0.1


def telling_metric(given: Container[str]) -> str | None:
    """The one of these metrics that says most about a task, more being better; None: nothing that
    was foretold can be compared with what happened."""
    return next((name for name in _TELLING if name in given), None)
