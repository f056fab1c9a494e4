"""When an alert begins and ends: the rule of a version over its newest windows. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from contracts.alert_log import AlertCourse
from contracts.alerts import Alert, Signal
from contracts.release_rules import AlertKind, MonitorRule
from contracts.windows import Window
from prediction_log.window_documents import Verdict

MOST_SIGNALS = 20
"""Told with an alert; the documents have all."""
_IN_WORDS = 3
_DISTANCE = "psi"

_WHAT = {"drift": "drift", "performance": "worse performance"}


class Means(Struct, frozen=True):
    """Of a number: in the window, and in the training."""

    mean: float | None = None
    mean_before: float | None = None


class LookedAt(Struct, frozen=True):
    """A window that says something: its verdicts that are `ok` or `over`, and the means of those
    signals that are numbers."""

    window: Window
    verdicts: tuple[Verdict, ...]
    means: Mapping[str, Means] = {}

    @property
    def over(self) -> tuple[Verdict, ...]:
        """Those beyond their limit, worst first."""
        found = (verdict for verdict in self.verdicts if verdict.state == "over")
        return tuple(sorted(found, key=lambda verdict: -(verdict.ratio or 0.0)))


class Subject(Struct, frozen=True):
    """What an alert is about: at most one of each is open."""

    model: str
    version: str
    kind: AlertKind


def subject(alert: Alert) -> Subject:
    """What an alert is about."""
    return Subject(alert.model, alert.version, alert.kind)


def next_word(
    about: Subject,
    rule: MonitorRule,
    windows: Sequence[LookedAt],
    known: AlertCourse | None,
    now: datetime,
) -> Alert | None:
    """What there is to say now, if anything.

    Args:
        windows: the newest that say something, newest first; more than the rule looks at do not
            count.
        known: the alert that is open.
    """
    looked = windows[: rule.windows]
    over = [one for one in looked if one.over]
    if known is None and len(over) >= rule.over:
        return _raised(about, rule, looked, over, now)
    if known is not None and looked and not over:
        newest = f"the newest {len(looked)} windows" if len(looked) > 1 else "the newest window"
        return resolved(known, now, f"no {_WHAT[about.kind]} in {newest}", looked[0].window)
    return None


def resolved(known: AlertCourse, now: datetime, reason: str, window: Window | None = None) -> Alert:
    """The end of an alert.

    Args:
        window: the newest that was looked at; None: nothing was looked at since.
    """
    raised = known.raised
    return Alert(
        alert_id=raised.alert_id,
        state="resolved",
        kind=raised.kind,
        model=raised.model,
        version=raised.version,
        at=now,
        window=window or known.newest.window,
        reason=reason,
    )


def _raised(
    about: Subject,
    rule: MonitorRule,
    looked: Sequence[LookedAt],
    over: Sequence[LookedAt],
    now: datetime,
) -> Alert:
    first = int(over[-1].window.start.timestamp())
    newest = over[0]
    signals = tuple(_signal(one, newest.means.get(one.signal, Means())) for one in newest.over)
    return Alert(
        alert_id=f"{about.model}-{about.version}-{about.kind}-{first}",
        state="raised",
        kind=about.kind,
        model=about.model,
        version=about.version,
        at=now,
        window=looked[0].window,
        signals=signals[:MOST_SIGNALS],
        reason=f"{_WHAT[about.kind]} in {len(over)} of the newest {len(looked)} windows of "
        f"{rule.window_hours:g} h: {_words(signals)}",
    )


def _signal(verdict: Verdict, means: Means) -> Signal:
    return Signal(
        name=verdict.signal,
        statistic=verdict.statistic,
        value=verdict.value or 0.0,
        limit=verdict.limit or 0.0,
        mean=means.mean,
        mean_before=means.mean_before,
    )


def _words(signals: Sequence[Signal]) -> str:
    told = ", ".join(
        f"{s.name}{_moved(s)} ({s.statistic} {s.value:.3g}, limit {s.limit:.3g})"
        for s in signals[:_IN_WORDS]
    )
    more = len(signals) - _IN_WORDS
    return f"{told} and {more} more" if more > 0 else told


def _moved(signal: Signal) -> str:
    """Which way: a distance alone does not say it. Rows without a value move no mean."""
    before, now = signal.mean_before, signal.mean
    if before is None or now is None or signal.statistic != _DISTANCE:
        return ""
    return f" {'fell' if now < before else 'rose'} from {before:.4g} to {now:.4g}"
