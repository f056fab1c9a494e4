"""An explanation as people read it (pure)."""

from datetime import datetime, timedelta

from msgspec import Struct

from elk.attribution.changes import Change, Period
from elk.attribution.explanation import Causes, Explanation
from elk.attribution.groups import ANSWER, Part
from elk.attribution.jumps import Jump
from elk.attribution.units import called

_WORTH_TELLING = 0.05
"""Of a change, that a signal explains at least."""
_MOST_FEATURES = 3
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
        told = "Mean confidence did not fall beyond chance in this time"
        return f"{told}." if found.whole else f"{told}; too few answers came before it to compare."
    before, now = change.before, change.now
    if change.before is not found.course.before:
        return (
            f"Mean confidence fell most from {called(before.start, before.end, unit)} "
            f"({_sure(before)}) to {called(now.start, now.end, unit)} ({_sure(now)}): by "
            f"{-change.size:.2f}."
        )
    told = (
        f"{called(now.start, now.end, None)}: mean confidence {_sure(now)}; in the "
        f"{length(now.end - now.start)} before {_sure(before)}"
    )
    if not change.is_certain:
        return f"{told}. That is no change beyond chance."
    return f"{told}. It {'fell' if change.size < 0 else 'rose'} by {abs(change.size):.2f}."


def findings(found: Explanation) -> list[Finding]:
    """What is known about the change, what explains most first."""
    if found.change is None or found.causes is None:
        return []
    told = {"Versions": _versions(found.change, found.causes)}
    if found.change.is_certain:
        told = {
            "In short": _in_short(found.change, found.causes),
            **told,
            "Published": _published(found.causes),
            "Answers": _answers(found.change, found.causes),
            "Events": _events(found.change, found.causes),
            "Alerts": _alerts(found.causes),
        }
    told["Labels"] = _labels(found.causes)
    return [Finding(about, says) for about, says in told.items() if says]


def _in_short(change: Change, causes: Causes) -> str:
    known = [jump for jump in causes.jumps if jump.step is not None]
    if len(known) < len(causes.jumps):
        return "Other versions and other events came at the same time, too close to tell apart."
    share = sum(jump.step or 0.0 for jump in known) / change.size
    steepest = max(known, key=lambda jump: (jump.step or 0.0) / change.size, default=None)
    return f"{_source(share, steepest)} {_shift(change, causes)}".strip()


def _source(share: float, steepest: Jump | None) -> str:
    if steepest is None or share < _HARDLY:
        return "It came with other events, not with another version."
    version = f"version {steepest.takeover.version}, since {_day(steepest.takeover.at)}"
    if share < _MOSTLY:
        return f"Some of it came with {version}, the rest with other events."
    return f"Most of it came with {version}."


def _shift(change: Change, causes: Causes) -> str:
    part = next((one for one in causes.parts if one.signal == ANSWER), None)
    if part is None or part.confident is None or part.part / change.size < _MOSTLY:
        return ""
    more = "more" if (part.now or 0.0) > (part.before or 0.0) else "less"
    sure = "less sure" if part.confident < change.before.mean else "surer"
    return f"The answer is '{part.category}' {more} often, of which the model is {sure}."


def _versions(change: Change, causes: Causes) -> str:
    steps = " ".join(map(_step, causes.jumps))
    both = [
        f"Version {now.version} answered before and after, with {was.mean:.2f} and {now.mean:.2f}."
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
    before, after = f"{jump.before:.2f}", f"{jump.after:.2f}"
    return f"{told}: {before} in the {width} before it, {after} in the {width} after."


def _published(causes: Causes) -> str:
    return " ".join(
        f"Version {one.version} by {one.author or 'somebody'}: {one.reason or 'no reason given'}."
        for one in causes.published
    )


def _answers(change: Change, causes: Causes) -> str:
    part = next((one for one in causes.parts if one.signal == ANSWER), None)
    if part is None or not _explains(change, part):
        return ""
    sure = "" if part.confident is None else f", with a mean confidence of {part.confident:.2f}"
    return f"{moved(part)}{sure}: alone makes {_of(change, part)}."


def _events(change: Change, causes: Causes) -> str:
    features = [one for one in causes.parts if one.signal != ANSWER]
    told = [one for one in features if _explains(change, one)]
    over = sorted(
        (one.signal for one in features if causes.ratios.get(one.signal, 0.0) > 1),
        key=lambda name: -causes.ratios[name],
    )
    limits = ", ".join(f"{name} {causes.ratios[name]:.1f} times" for name in over[:_MOST_FEATURES])
    moves = "; ".join(
        f"{moved(one)}: alone makes {_of(change, one)}" for one in told[:_MOST_FEATURES]
    )
    if not features:
        return "No windows of the monitor say which features there are."
    return " ".join(
        (
            f"{moves}." if moves else "No feature came so differently that it alone explains it.",
            f"Over their limits then: {limits}." if limits else "None was over its limit then.",
        )
    )


def _alerts(causes: Causes) -> str:
    return " ".join(
        f"{_day(one.at)}, version {one.version}: {one.reason}." for one in causes.alerts
    )


def _labels(causes: Causes) -> str:
    told = [f"{_METRICS[one.metric]} {one.before:.2f}, then {one.now:.2f}" for one in causes.worth]
    return f"{'; '.join(told)}." if told else ""


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
    return part.part / change.size >= _WORTH_TELLING if change.size else False


def _of(change: Change, part: Part) -> str:
    share = part.part / change.size
    return "all of it" if round(share, 2) >= 1 else f"{share:.0%} of it"


def _sure(period: Period) -> str:
    return f"{period.mean:.2f}, {period.rows:,} answers"


def _named(period: Period) -> str:
    return ", ".join(f"version {one.version} {one.mean:.2f}" for one in period.versions)
