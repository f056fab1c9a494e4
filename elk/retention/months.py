"""Months of UTC, and from when on documents are kept (pure)."""

from datetime import UTC, datetime

from contracts.windows import Window


def month_of(year: int, month: int) -> Window:
    """A month; of the year 9999 the last does not end, as no time lies behind it."""
    start = datetime(year, month, 1, tzinfo=UTC)
    return Window(start, _later(start, 1))


def kept_from(now: datetime, months: int) -> datetime:
    """The start of the oldest month that is kept: so many whole months, and the one under way.

    So the newest document that goes is as old as that, and never younger.
    """
    now = now.astimezone(UTC)
    return _later(datetime(now.year, now.month, 1, tzinfo=UTC), -months)


def overlap(one: Window, other: Window) -> bool:
    """Whether they have a moment in common."""
    return one.start < other.end and other.start < one.end


def _later(start: datetime, months: int) -> datetime:
    count = start.year * 12 + start.month - 1 + months
    if count < 12:
        return datetime.min.replace(tzinfo=UTC)
    if count >= 10_000 * 12:
        return datetime.max.replace(tzinfo=UTC)
    return start.replace(year=count // 12, month=count % 12 + 1)
