"""Differences, shifts and lengths of time as people write them (pure)."""

from datetime import datetime, timedelta

from elk.attribution.groups import ANSWER, Part
from elk.attribution.units import called


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


def day(moment: datetime) -> str:
    """A moment to the day."""
    return called(moment, moment, "day")
