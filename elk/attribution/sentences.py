"""An explanation as people read it (pure)."""

from msgspec import Struct

from elk.attribution.beside import Published, Told
from elk.attribution.causes import Causes
from elk.attribution.changes import FEWEST_ROWS, Period
from elk.attribution.explanation import Explanation
from elk.attribution.jumps import Jump
from elk.attribution.units import called
from elk.attribution.wording import day, length, moved, signed

_OTHERWISE = 0.05
"""Of the answers, by which a share is another one."""
_MOST_FEATURES = 3
_MOSTLY, _HARDLY = 0.5, 0.2
"""Of a change."""
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
        steadily = "" if before.end == now.start else ", step by step,"
        return (
            f"{unit.capitalize()} by {unit}, mean confidence fell most from "
            f"{called(before.start, before.end, unit)} ({_sure(before)}){steadily} to "
            f"{called(now.start, now.end, unit)} ({_sure(now)}): by {-change.size:.2f}."
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
    told = {"Versions": _versions(causes)}
    if change.is_certain:
        told = {
            "In short": _in_short(causes),
            **told,
            "Same events": _same_events(causes),
            "Answers": _answers(causes),
            "Events": _events(causes),
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


def _in_short(causes: Causes) -> str:
    return " ".join(filter(None, (_source(causes), _shift(causes))))


def _source(causes: Causes) -> str:
    of_versions = causes.of_versions
    if of_versions is None:
        return "Other versions and other events came at the same time, too close to tell apart."
    if of_versions < _HARDLY:
        return "It came with other events, not with another version."
    versions = " and ".join(
        f"version {one.version} (since {day(one.at)})" for one in causes.steepest
    )
    if of_versions < _MOSTLY:
        return f"Some of it came with {versions}; the rest with other events."
    return f"Most of it came with {versions}."


def _shift(causes: Causes) -> str:
    part = causes.answer
    if part is None or part.confident is None or part.part / causes.change.size < _MOSTLY:
        return ""
    more = "more" if part.now > part.before else "less"
    sure = "less sure" if part.confident < causes.change.before.mean else "surer"
    told = f"The answer is '{part.group}' {more} often, of which the model is {sure}"
    if causes.unlikely is None or abs(causes.unlikely[1] - causes.unlikely[0]) < _OTHERWISE:
        return f"{told}."
    before, now = causes.unlikely
    return (
        f"{told}: {now:.0%} of the answers are a class to which it gives less than a half, since a "
        f"threshold or costs choose so; before {before:.0%}."
    )


def _versions(causes: Causes) -> str:
    steps = " ".join(map(_step, causes.jumps))
    both = [
        f"Version {now.version} served before and after, with {was.mean:.2f} and {now.mean:.2f}."
        for now in causes.change.now.versions
        for was in causes.change.before.versions
        if was.version == now.version
    ]
    if steps or len(causes.change.now.versions) > 1:
        return " ".join(filter(None, (steps, *both)))
    return both[0] if both else f"{_named(causes.change.before)}, then {_named(causes.change.now)}."


def _step(jump: Jump) -> str:
    taken, width = jump.takeover, length(jump.width)
    told = f"Version {taken.version} took over from {taken.after} on {day(taken.at)}"
    if jump.before is None or jump.after is None:
        return f"{told}; there are too few answers around it to compare."
    step = signed(jump.after - jump.before)
    before, after = f"{jump.before:.2f}", f"{jump.after:.2f}"
    return f"{told}: {before} in the {width} before it, {after} in the {width} after ({step})."


def _same_events(causes: Causes) -> str:
    """Only where it decides: another version may take other events otherwise."""
    one, of_versions = causes.unchanged, causes.of_versions
    if one is None or of_versions is None or of_versions < _HARDLY:
        return ""
    return (
        f"Version {one.version} answered nearly all events of both times, if only unseen, as a "
        f"shadow: {one.before:.2f}, then {one.now:.2f}. So other events alone make about "
        f"{signed(one.now - one.before)}."
    )


def _answers(causes: Causes) -> str:
    part = causes.answer
    if part is None or not causes.explains(part):
        return ""
    sure = "" if part.confident is None else f", with a mean confidence of {part.confident:.2f}"
    return f"{moved(part)}{sure}; this alone would make {signed(part.part)}."


def _events(causes: Causes) -> str:
    """What they make of it only where versions do not: two versions see them differently."""
    features = causes.features
    if not features:
        return "No windows of the monitor say which features there are."
    over = sorted(
        (one.signal for one in features if causes.ratios.get(one.signal, 0.0) > 1),
        key=lambda name: -causes.ratios[name],
    )
    limits = ", ".join(f"{name} {causes.ratios[name]:.1f} times" for name in over[:_MOST_FEATURES])
    told = f"Over their limits then: {limits}." if limits else "No feature was over its limit then."
    if causes.of_versions is not None and causes.of_versions >= _MOSTLY:
        return told
    movers = [one for one in features if causes.explains(one)][:_MOST_FEATURES]
    moves = "; ".join(f"{moved(one)}, alone would make {signed(one.part)}" for one in movers)
    overlap = " (these overlap)" if len(movers) > 1 else ""
    if not moves:
        return f"No feature came so differently that it alone explains it. {told}"
    return f"{moves}{overlap}. {told}"


def _alerts(causes: Causes) -> str:
    return " ".join(f"{day(one.at)}, version {one.version}: {one.reason}." for one in causes.alerts)


def _published(causes: Causes) -> str:
    alerts = {one.id: one for one in causes.alerts}
    return " ".join(_publication(one, alerts.get(one.alert)) for one in causes.published)


def _publication(one: Published, alert: Told | None) -> str:
    told = f"Version {one.version} by {one.author or 'somebody'}"
    if alert is not None:
        return f"{told}, a retraining that answers the alert of {day(alert.at)}."
    return f"{told}: {one.reason or 'no reason given'}."


def _labels(causes: Causes) -> str:
    told = [f"{_METRICS[one.metric]} {one.before:.2f}, then {one.now:.2f}" for one in causes.worth]
    return f"{'; '.join(told)}." if told else ""


def _sure(period: Period) -> str:
    return f"{period.mean:.2f}, {period.rows:,} answers"


def _named(period: Period) -> str:
    return ", ".join(f"version {one.version} {one.mean:.2f}" for one in period.versions)
