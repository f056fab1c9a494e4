"""What readers chose, read from the query of a URL: a time, and what they narrow by (pure)."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from contracts.errors import UsageError
from elk.dashboards.intervals import Span
from elk.dashboards.panels import Dashboard

ALL = "all"
ABSOLUTE = "absolute"
PRESETS: Mapping[str, tuple[str, timedelta]] = {
    "15m": ("Last 15 minutes", timedelta(minutes=15)),
    "1h": ("Last hour", timedelta(hours=1)),
    "6h": ("Last 6 hours", timedelta(hours=6)),
    "24h": ("Last 24 hours", timedelta(hours=24)),
    "7d": ("Last 7 days", timedelta(days=7)),
    "30d": ("Last 30 days", timedelta(days=30)),
    "90d": ("Last 90 days", timedelta(days=90)),
}
MOST_VALUES = 50
MOST_CHARACTERS = 8191
"""Longer ids are not indexed."""
_YEARS = (1970, 9999)


class Choices(Struct, frozen=True):
    """`span` is none for all time, which begins and ends with the documents."""

    span: Span | None
    filters: Mapping[str, Sequence[str]]


def read_choices(
    query: Sequence[tuple[str, str]], dashboard: Dashboard, now: datetime | None = None
) -> Choices:
    """Read them; parameters that are none of the dashboard's are not looked at.

    Raises:
        UsageError: a time is none, or there are too many values.
    """
    filters: dict[str, list[str]] = {}
    for name, value in query:
        if dashboard.narrows(name) and value:
            if len(value) > MOST_CHARACTERS:
                raise UsageError(f"{name} is longer than {MOST_CHARACTERS} characters")
            filters.setdefault(name, []).append(value)
    if sum(map(len, filters.values())) > MOST_VALUES:
        raise UsageError(f"choose at most {MOST_VALUES} values")
    return Choices(_span(dict(query), now or datetime.now(UTC)), filters)


def _span(query: Mapping[str, str], now: datetime) -> Span | None:
    wanted = query.get("range") or ALL
    if wanted == ALL:
        return None
    if wanted in PRESETS:
        return Span(now - PRESETS[wanted][1], now)
    if wanted != ABSOLUTE:
        known = ", ".join((*PRESETS, ALL, ABSOLUTE))
        raise UsageError(f"there is no range '{wanted[:40]}': choose one of {known}")
    start, end = _moment(query.get("from", "")), _moment(query.get("to", ""))
    if start >= end:
        raise UsageError("the time ends before it begins: exchange from and to")
    return Span(start, end)


def _moment(text: str) -> datetime:
    """A time; UTC where it names no zone."""
    try:
        found = datetime.fromisoformat(text)
        found = found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        found = None
    if found is None or not _YEARS[0] <= found.year <= _YEARS[1]:
        raise UsageError(f"'{text[:40]}' is no time: write 2026-03-01T09:30, in UTC")
    return found
