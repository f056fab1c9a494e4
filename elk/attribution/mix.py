"""How much of a difference between two means comes from another mixture of groups (pure)."""

from collections.abc import Sequence

from msgspec import Struct


class Group(Struct, frozen=True):
    """The rows of one group, say of one airport; `mean` is none where there are no rows."""

    rows: int
    mean: float | None = None


def part_of_mix(before: Sequence[Group], now: Sequence[Group]) -> float:
    """What the difference `mean of now - mean of before` owes to the shares of the groups; the rest
    lies within them. The decomposition of E. M. Kitagawa, Components of a Difference Between Two
    Rates, JASA 50 (1955): each shift of a share times the mean of its group in both times.

    A group without rows in one of the times has the mean of the other: that it came or went is
    a matter of the mixture.

    Args:
        before, now: the same groups in the same order.
    """
    rows_before, rows_now = (sum(group.rows for group in time) for time in (before, now))
    if not rows_before or not rows_now:
        return 0.0
    return sum(
        (b.rows / rows_now - a.rows / rows_before) * _level(a.mean, b.mean)
        for a, b in zip(before, now, strict=True)
    )


def _level(before: float | None, now: float | None) -> float:
    there = [mean for mean in (before, now) if mean is not None]
    return sum(there) / len(there) if there else 0.0
