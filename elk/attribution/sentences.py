"""An explanation as people read it (pure)."""

from datetime import datetime, timedelta

from msgspec import Struct

from elk.attribution.beside import Published, Told
from elk.attribution.changes import FEWEST_ROWS, Change, Period
from elk.attribution.explanation import Causes, Explanation
from elk.attribution.groups import ANSWER, Part
from elk.attribution.jumps import Jump
from elk.attribution.takeovers import Takeover
from elk.attribution.units import called

_WORTH_TELLING = 0.05
"""Of a change, that a signal explains at least."""
_LEAST = 0.005
_MOST_FEATURES = 3
_MOST_VERSIONS = 3
_MOSTLY = 0.5
_HARDLY = 0.2
_METRICS = {"roc_auc": "ROC AUC", "accuracy": "accuracy"}


class Finding(Struct, frozen=True):
    """One thing that was found, and what it is about, as one word."""

    about: str
    says: str


def headline(found: Explanation) -> str:
    """What changed, in one sentence."""
    change, unit = found.change, found.unit
    if change is None:
        return _no_change(found)
    before, now = change.before, change.now
    if change.before is not found.course.before:
        return (
            f"{unit.capitalize()} by {unit}, mean confidence fell most from "
            f"{called(before.start, before.end, unit)} "
            f"({_sure(before)}) to {called(now.start, now.end, unit)} ({_sure(now)}): by "
            f"{-change.size:.2f}."
        )
    name = called(now.start, now.end, None)
    earlier = called(before.start, before.end, None)
    if " to " in earlier:
        earlier = f"the {length(now.end - now.start)} before"
    told = f"{name}: mean confidence {_sure(now)}; in {earlier} {_sure(before)}"
    if not change.is_certain:
        return f"{told}. That is no change beyond chance."
    return f"{told}. It {'fell' if change.size < 0 else 'rose'} by {abs(change.size):.2f}."


def findings(found: Explanation) -> list[Finding]:
    """What is known about the change, what says most first."""
    change, causes = found.change, found.causes
    if change is None or causes is None:
        return []
    told = {"Versions": _versions(change, causes)}
    if change.is_certain:
        of_versions = _of_versions(change, causes)
        told = {
            "In short": _in_short(change, causes, of_versions),
            **told,
            "Same events": _same_events(change, causes, of_versions),
            "Answers": _answers(change, causes),
            "Events": _events(change, causes, of_versions),
            "Alerts": _alerts(causes),
            "Published": _published(causes),
        }
    told["Labels"] = _labels(causes)
    return [Finding(about, says) for about, says in told.items() if says]


def _no_change(found: Explanation) -> str:
    told = "Mean confidence did not fall beyond chance in this time"
    if found.whole:
        return f"{told}."
    now = found.course.now
    if now is not None and now.rows < FEWEST_ROWS:
        return f"This time has too few answers to compare it: {now.rows}."
    return f"{told}; too few answers came before it to compare."


def _of_versions(change: Change, causes: Causes) -> float | None:
    """Which share of the change came with other versions: by the steps where they took over, and
    by a version that answered both times; the lesser of the two is sure. None: it cannot be told.
    """
    if not causes.jumps:
        return 0.0
    steps = [jump.part for jump in causes.jumps if jump.part is not None]
    shares = []
    if len(steps) == len(causes.jumps):
        shares.append(sum(steps) / change.size)
    if causes.unchanged is not None:
        shares.append(1 - (causes.unchanged.now - causes.unchanged.before) / change.size)
    return min(shares, default=None)


def _in_short(change: Change, causes: Causes, of_versions: float | None) -> str:
    return " ".join(filter(None, (_source(change, causes, of_versions), _shift(change, causes))))


def _source(change: Change, causes: Causes, of_versions: float | None) -> str:
    if of_versions is None:
        return "Other versions and other events came at the same time, too close to tell apart."
    if of_versions < _HARDLY:
        return "It came with other events, not with another version."
    versions = " and ".join(
        f"version {one.version}, since {_day(one.at)}" for one in _steepest(change, causes)
    )
    if of_versions < _MOSTLY:
        return f"Some of it came with {versions}; the rest with other events."
    return f"Most of it came with {versions}."


def _steepest(change: Change, causes: Causes) -> list[Takeover]:
    """Whose steps are the greatest, or not much less; in their order."""
    shares = [(jump.part or 0.0) / change.size for jump in causes.jumps]
    least = max(shares) * _MOSTLY
    found = zip(causes.jumps, shares, strict=True)
    return [jump.takeover for jump, share in found if share >= least][:_MOST_VERSIONS]


def _shift(change: Change, causes: Causes) -> str:
    part = _of_answer(causes)
    if part is None or part.confident is None or part.part / change.size < _MOSTLY:
        return ""
    more = "more" if (part.now or 0.0) > (part.before or 0.0) else "less"
    sure = "less sure" if part.confident < change.before.mean else "surer"
    told = f"The answer is '{part.category}' {more} often, of which the model is {sure}"
    if causes.unlikely is None or abs(causes.unlikely[1] - causes.unlikely[0]) < _WORTH_TELLING:
        return f"{told}."
    before, now = causes.unlikely
    return (
        f"{told}: {now:.0%} of the answers are the class that it takes for less likely, as its "
        f"threshold or costs ask for; before {before:.0%}."
    )


def _versions(change: Change, causes: Causes) -> str:
    steps = " ".join(map(_step, causes.jumps))
    both = [
        f"Version {now.version} served before and after, with {was.mean:.2f} and {now.mean:.2f}."
        for now in change.now.versions
        for was in change.before.versions
        if was.version == now.version
    ]
    if steps or len(change.now.versions) > 1:
        return " ".join(filter(None, (steps, *both)))
    return both[0] if both else f"{_named(change.before)}, then {_named(change.now)}."


def _step(jump: Jump) -> str:
    taken, width = jump.takeover, length(jump.width)
    told = f"Version {taken.version} took over from {taken.after} on {_day(taken.at)}"
    if jump.before is None or jump.after is None:
        return f"{told}; there are too few answers around it to compare."
    step = signed(jump.after - jump.before)
    before, after = f"{jump.before:.2f}", f"{jump.after:.2f}"
    return f"{told}: {before} in the {width} before it, {after} in the {width} after ({step})."


def _same_events(change: Change, causes: Causes, of_versions: float | None) -> str:
    """Only where it decides: another version may take other events otherwise."""
    one = causes.unchanged
    if one is None or of_versions is None or of_versions < _HARDLY:
        return ""
    return (
        f"Version {one.version} answered nearly all events of both times, if only unseen, as a "
        f"shadow: {one.before:.2f}, then {one.now:.2f}. So other events make about "
        f"{signed(one.now - one.before)} of the {signed(change.size)}."
    )


def _answers(change: Change, causes: Causes) -> str:
    part = _of_answer(causes)
    if part is None or not _explains(change, part):
        return ""
    sure = "" if part.confident is None else f", with a mean confidence of {part.confident:.2f}"
    more = ", of which something else took back a part" if part.part / change.size > 1 else ""
    return f"{moved(part)}{sure}; this alone makes {signed(part.part)}{more}."


def _events(change: Change, causes: Causes, of_versions: float | None) -> str:
    """What they make of it only where versions do not: two versions see them differently."""
    features = [one for one in causes.parts if one.signal != ANSWER]
    if not features:
        return "No windows of the monitor say which features there are."
    over = sorted(
        (one.signal for one in features if causes.ratios.get(one.signal, 0.0) > 1),
        key=lambda name: -causes.ratios[name],
    )
    limits = ", ".join(f"{name} {causes.ratios[name]:.1f} times" for name in over[:_MOST_FEATURES])
    told = f"Over their limits then: {limits}." if limits else "No feature was over its limit then."
    if of_versions is not None and of_versions >= _MOSTLY:
        return told
    movers = [one for one in features if _explains(change, one)][:_MOST_FEATURES]
    moves = "; ".join(f"{moved(one)}, alone makes {signed(one.part)}" for one in movers)
    overlap = " (these overlap)" if len(movers) > 1 else ""
    if not moves:
        return f"No feature came so differently that it alone explains it. {told}"
    return f"{moves}{overlap}. {told}"


def _alerts(causes: Causes) -> str:
    return " ".join(
        f"{_day(one.at)}, version {one.version}: {one.reason}." for one in causes.alerts
    )


def _published(causes: Causes) -> str:
    alerts = {one.id: one for one in causes.alerts}
    return " ".join(_publication(one, alerts.get(one.alert)) for one in causes.published)


def _publication(one: Published, alert: Told | None) -> str:
    told = f"Version {one.version} by {one.author or 'somebody'}"
    if alert is not None:
        return f"{told}, a retraining that answers the alert of {_day(alert.at)}."
    return f"{told}: {one.reason or 'no reason given'}."


def _labels(causes: Causes) -> str:
    told = [f"{_METRICS[one.metric]} {one.before:.2f}, then {one.now:.2f}" for one in causes.worth]
    return f"{'; '.join(told)}." if told else ""


def signed(size: float) -> str:
    """A difference of two means."""
    return f"{round(size, 2) + 0.0:+.2f}".replace("-", "\u2212")


def moved(part: Part) -> str:
    """How a signal came before and now."""
    if part.category is not None:
        before, now = (f"{share or 0.0:.0%}" for share in (part.before, part.now))
        name = "answer" if part.signal == ANSWER else part.signal
        return f"{name} '{part.category}' {before}, then {now}"
    if part.before is None or part.now is None:
        return part.signal
    return f"{part.signal} {part.before:.4g}, then {part.now:.4g} on average"


def length(time: timedelta) -> str:
    """How long a time is, in the largest unit that fits."""
    for name, one in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if time >= 2 * one:
            return f"{time / one:.0f} {name}s"
    return f"{max(1, round(time / timedelta(minutes=1)))} minutes"


def _day(moment: datetime) -> str:
    return called(moment, moment, "day")


def _explains(change: Change, part: Part) -> bool:
    return abs(part.part) >= _LEAST and part.part / change.size >= _WORTH_TELLING


def _of_answer(causes: Causes) -> Part | None:
    return next((one for one in causes.parts if one.signal == ANSWER), None)


def _sure(period: Period) -> str:
    return f"{period.mean:.2f}, {period.rows:,} answers"


def _named(period: Period) -> str:
    return ", ".join(f"version {one.version} {one.mean:.2f}" for one in period.versions)
