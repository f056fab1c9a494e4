"""Whether a model is trained again now, and on what: by its rule, its alerts and its past. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from contracts.alert_log import AlertCourse
from contracts.deployments import Deployment
from contracts.packages import Manifest
from contracts.release_rules import RetrainRule
from contracts.windows import Window, window_at
from trainer.recipes import as_utc
from trainer.retraining.trail import Retraining

SCHEDULE = "schedule"


class Situation(Struct, frozen=True, kw_only=True):
    """What there is to know of a model.

    Args:
        champion: the manifest of the version that serves.
        alerts: those that are open.
        past: every retraining of the model; none is open.
        newest: event time of its newest prediction.
    """

    deployment: Deployment
    champion: Manifest
    alerts: Sequence[AlertCourse]
    past: Sequence[Retraining]
    newest: datetime


def next_retraining(situation: Situation) -> Retraining | None:
    """What is to begin now, if anything.

    An alert counts only while its version is the champion. While a canary is tried nothing begins:
    it may be what an earlier retraining has brought.
    """
    rule = situation.champion.retrain
    if rule is None or situation.deployment.canary is not None:
        return None
    now = window_at(situation.newest, situation.champion.monitor.window_hours).start
    for course in situation.alerts:
        found = _answer(situation, rule, course, now)
        if found is not None:
            return found
    return _scheduled(situation, rule, now)


def answers(situation: Situation, course: AlertCourse) -> bool:
    """Whether an alert is of the kind and of the version that is answered to."""
    rule, alert = situation.champion.retrain, course.raised
    champion = situation.deployment.champion.version
    of_champion = (alert.model, alert.version) == (situation.deployment.model, champion)
    return rule is not None and of_champion and alert.kind in rule.on


def _answer(
    situation: Situation, rule: RetrainRule, course: AlertCourse, now: datetime
) -> Retraining | None:
    if not answers(situation, course):
        return None
    alert, last = course.raised, _last_end(situation.past, now)
    oldest = now - timedelta(hours=rule.train_hours)
    for end in (alert.window.end, now):
        # Nobody can have looked at a window that is not over, whatever an alert says; and of one
        # that is older than all that would be trained on nothing is to be learned any more.
        if oldest <= end <= now and _may_end(last, end, rule.cooldown_hours):
            found = _retraining(situation, rule, alert.alert_id, alert.alert_id, end, alert.reason)
            if all(one.id != found.id for one in situation.past):
                return found
    return None


def _scheduled(situation: Situation, rule: RetrainRule, now: datetime) -> Retraining | None:
    if rule.every_hours is None:
        return None
    ends = [_last_end(situation.past, now), situation.champion.data.end]
    last = max((as_utc(end) for end in ends if end is not None), default=None)
    if not _may_end(last, now, rule.every_hours):
        return None
    model, champion = situation.deployment.model, situation.deployment.champion.version
    why = f"{rule.every_hours:g} h after the newest training data"
    found = _retraining(situation, rule, f"{model}-{champion}-{SCHEDULE}", None, now, why)
    return found if all(one.id != found.id for one in situation.past) else None


def _last_end(past: Sequence[Retraining], now: datetime) -> datetime | None:
    """A window that is not over was none of a retrainer's."""
    return max((one.window.end for one in past if one.window.end <= now), default=None)


def _may_end(last: datetime | None, end: datetime, hours: float) -> bool:
    return last is None or (end > last and end - last >= timedelta(hours=hours))


def _retraining(
    situation: Situation,
    rule: RetrainRule,
    cause: str,
    alert: str | None,
    end: datetime,
    why: str,
) -> Retraining:
    return Retraining(
        id=f"{cause}-{int(end.timestamp())}",
        model=situation.deployment.model,
        champion=situation.deployment.champion.version,
        alert=alert,
        window=Window(end - timedelta(hours=rule.train_hours), end),
        why=why,
    )
