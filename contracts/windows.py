"""Windows of event time in which a model is watched: aligned, so that everybody means the same."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ORIGIN = datetime(1970, 1, 5, tzinfo=UTC)
"""A Monday, so that windows of a week are weeks."""


class Window(Struct, frozen=True, order=True):
    """A span of event time, [start, end)."""

    start: datetime
    end: datetime


def window_length(hours: float) -> timedelta:
    """Of so many hours, in whole milliseconds: Elasticsearch counts no finer."""
    return timedelta(milliseconds=round(timedelta(hours=hours) / timedelta(milliseconds=1)))


def window_at(moment: datetime, hours: float) -> Window:
    """The window of so many hours that a moment lies in."""
    length = window_length(hours)
    start = _ORIGIN + (moment - _ORIGIN) // length * length
    return Window(start, start + length)
