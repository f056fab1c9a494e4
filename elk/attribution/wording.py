"""Differences, shifts and lengths of time as people write them (pure)."""

from datetime import datetime, timedelta

from elk.attribution.groups import ANSWER, Part
from elk.attribution.units import called

_SAYS_SOMETHING = 0.02
"""By which part of itself a mean differs at least."""


def signed(size: float) -> str:
    """A difference of two means."""
    rounded = round(size, 2)
    return f"{rounded:+.2f}".replace("-", "\u2212") if rounded else "0.00"


def moved(part: Part) -> str:
    """How a signal came before and now: a number by its mean if that says something."""
    before, now = part.mean_before, part.mean
    if before is not None and now is not None:
        if abs(now - before) >= _SAYS_SOMETHING * max(abs(now), abs(before)):
            return f"{part.signal} {before:.4g}, then {now:.4g} on average"
        return f"{part.signal} {part.group}: {part.before:.0%}, then {part.now:.0%}"
    name = "answer" if part.signal == ANSWER else part.signal
    return f"{name} '{part.group}' {part.before:.0%}, then {part.now:.0%}"


def length(time: timedelta) -> str:
    """How long a time is, in the largest unit that fits."""
    for name, one in (("day", timedelta(days=1)), ("hour", timedelta(hours=1))):
        if time >= 2 * one:
            return f"{time / one:.0f} {name}s"
    return f"{max(1, round(time / timedelta(minutes=1)))} minutes"


def day(moment: datetime) -> str:
    """A moment to the day."""
    return called(moment, moment, "day")
