"""When a mean changed, and whether that is more than chance (pure)."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from math import sqrt

from msgspec import Struct

FEWEST_ROWS = 50
"""Of a time that is compared: the mean of fewer is no matter of the model."""
_ERRORS = 3.0
"""Standard errors that a change has at least."""
_STEP = 0.1
"""Of a fall over several periods, that the first and the last step of it have at least."""


class Answered(Struct, frozen=True):
    """What one version did of a time."""

    version: str
    rows: int
    mean: float


class Period(Struct, frozen=True, kw_only=True):
    """The mean of a time [start, end); `spread` is the standard deviation of its rows.

    Args:
        versions: those that answered, the one with most rows first.
    """

    start: datetime
    end: datetime
    rows: int
    mean: float
    spread: float
    versions: tuple[Answered, ...] = ()


class Change(Struct, frozen=True):
    """A period and a later one."""

    before: Period
    now: Period

    @property
    def size(self) -> float:
        """By how much the mean rose; below 0: it fell."""
        return self.now.mean - self.before.mean

    @property
    def is_certain(self) -> bool:
        """Whether it is beyond the chance of independent rows."""
        errors = [one.spread**2 / one.rows for one in (self.before, self.now)]
        return abs(self.size) > _ERRORS * sqrt(sum(errors))


def change(before: Period | None, now: Period | None) -> Change | None:
    """From one to the other, where both have rows enough."""
    if before is None or now is None or min(before.rows, now.rows) < FEWEST_ROWS:
        return None
    return Change(before, now)


def largest_fall(periods: Sequence[Period]) -> Change | None:
    """The greatest one among neighbouring periods, or over several in which it fell on and on;
    None: there is none beyond chance.

    Args:
        periods: in their order; those of few rows are passed over.
    """
    usable = [period for period in periods if period.rows >= FEWEST_ROWS]
    runs = (_without_flat_ends(run) for run in _falling(usable) if len(run) > 1)
    falls = (Change(run[0], run[-1]) for run in runs)
    return min((f for f in falls if f.is_certain), key=lambda fall: fall.size, default=None)


def _falling(periods: Sequence[Period]) -> Iterator[list[Period]]:
    """As long as the mean falls from each to the next."""
    run: list[Period] = []
    for period in periods:
        if run and period.mean >= run[-1].mean:
            yield run
            run = []
        run.append(period)
    if run:
        yield run


def _without_flat_ends(run: list[Period]) -> list[Period]:
    """A slight fall just before a step, or after it, is not where it began or ended."""
    least = _STEP * (run[0].mean - run[-1].mean)
    first, last = 0, len(run) - 1
    while last - first > 1 and run[first].mean - run[first + 1].mean < least:
        first += 1
    while last - first > 1 and run[last - 1].mean - run[last].mean < least:
        last -= 1
    return run[first : last + 1]
