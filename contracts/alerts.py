"""Alerts: a model drifts or has become worse, or no longer. Topic `alerts`, keyed by model."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from contracts.release_rules import AlertKind
from contracts.windows import Window

AlertState = Literal["raised", "resolved"]
AlertId = Annotated[str, Meta(pattern=r"^\S{1,500}$")]
"""One word: reasons of deployments name it among others."""


class Signal(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One figure beyond its limit: `name` is a feature, `prediction`, `confidence`, `features
    together`, or a metric; `limit` is in the unit of `value`. `mean` is that of the window,
    `mean_before` that of the training; of what is no number there is none."""

    name: str
    statistic: str
    value: float
    limit: float
    mean: float | None = None
    mean_before: float | None = None


class Alert(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The beginning or the end of a time in which a version was beyond its limits.

    Args:
        alert_id: the same for `raised` and `resolved`; made of model, version, kind and the start
            of the window that raised it, so that whoever finds it again says the same.
        window: the newest window that was looked at.
        signals: what is beyond its limit in the newest window that is over, worst first, at most
            20; none when resolved.
        reason: a sentence for people.
    """

    alert_id: AlertId
    state: AlertState
    kind: AlertKind
    model: str
    version: str
    at: datetime
    window: Window
    signals: tuple[Signal, ...] = ()
    reason: str
