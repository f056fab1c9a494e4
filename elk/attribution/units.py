"""Hours, days, weeks and months: what people compare a time by (pure)."""

from datetime import datetime, timedelta
from typing import Literal

from elk.dashboards.intervals import Span

Unit = Literal["minute", "hour", "day", "week", "month"]
"""As Elasticsearch's `calendar_interval` names them; weeks begin on Monday, in UTC."""
_LONGEST: dict[Unit, timedelta] = {
    "minute": timedelta(hours=3),
    "hour": timedelta(days=3),
    "day": timedelta(days=45),
    "week": timedelta(days=150),
}
_LENGTHS: dict[Unit, timedelta] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}


def unit_of(span: Span) -> Unit:
    """The one that cuts a time into some dozen parts, or some more."""
    length = span.end - span.start
    return next((unit for unit, longest in _LONGEST.items() if length <= longest), "month")


def before_of(span: Span) -> Span:
    """The time that a time is compared with: of a whole month the month before it, otherwise the
    equally long one."""
    if _is_month(span.start, span.end):
        year, month = divmod(span.start.year * 12 + span.start.month - 2, 12)
        return Span(span.start.replace(year=year, month=month + 1), span.start)
    return Span(span.start - (span.end - span.start), span.start)


def end_of(start: datetime, unit: Unit) -> datetime:
    """When the one that begins then ends."""
    if unit != "month":
        return start + _LENGTHS[unit]
    year, month = divmod(start.year * 12 + start.month, 12)
    return start.replace(year=year, month=month + 1)


def called(start: datetime, end: datetime, unit: Unit | None) -> str:
    """What people call a time; without a unit by its two ends."""
    if unit == "month" or _is_month(start, end):
        return f"{start:%B %Y}"
    if unit == "week":
        return f"the week of {_day(start)}"
    if unit == "day":
        return _day(start)
    if unit is not None:
        return f"{_day(start)}, {start:%H:%M}"
    if all(one.time() == datetime.min.time() for one in (start, end)):
        if end - start == _LENGTHS["day"]:
            return _day(start)
        return f"{_day(start)} to {_day(end - timedelta(days=1))}"
    return f"{_day(start)}, {start:%H:%M}, to {_day(end)}, {end:%H:%M}"


def _is_month(start: datetime, end: datetime) -> bool:
    return start == start.replace(day=1, hour=0, minute=0, second=0, microsecond=0) and (
        end == end_of(start, "month")
    )


def _day(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"
