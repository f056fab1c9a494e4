"""Which time is shown, and how long the intervals are that a chart cuts it into."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

MOST_BUCKETS = 100
"""Kibana's setting `histogram:maxBars`."""
_STEPS = {
    "1s": 1,
    "5s": 5,
    "10s": 10,
    "30s": 30,
    "1m": 60,
    "5m": 300,
    "10m": 600,
    "30m": 1800,
    "1h": 3600,
    "3h": 10_800,
    "12h": 43_200,
    "1d": 86_400,
    "7d": 604_800,
    "30d": 2_592_000,
}
_LONGEST = "365d"
_SECONDS = {**_STEPS, _LONGEST: 31_536_000, "day": 86_400, "week": 604_800}


class Span(Struct, frozen=True):
    """The time [start, end); both carry a zone."""

    start: datetime
    end: datetime

    @classmethod
    def last(cls, length: timedelta) -> "Span":
        """The time before now."""
        now = datetime.now(UTC)
        return cls(now - length, now)


def interval(span: Span, most: int = MOST_BUCKETS) -> str:
    """The shortest usual interval that cuts a span into so many at most."""
    seconds = (span.end - span.start).total_seconds()
    return next((n for n, step in _STEPS.items() if seconds <= step * most), _LONGEST)


def date_histogram(span: Span, every: str, field: str) -> dict[str, Any]:
    """The aggregation over a time; intervals without documents are there and empty. Its
    answer says in `meta` how many seconds an interval has, and of days and weeks, which rarely
    begin with the time, from when to when it goes: then `whole` leaves out what is cut.

    Args:
        every: `auto`, or a unit of Elasticsearch's calendar.
    """
    length = interval(span) if every == "auto" else every
    if length == "7d":  # as Kibana takes it: from Monday to Monday
        length = "week"
    kind = "calendar_interval" if length in ("day", "week") else "fixed_interval"
    start, end = milliseconds(span.start), milliseconds(span.end)
    bounds = {"min": start, "max": end - 1}
    return {
        "date_histogram": {
            "field": field,
            kind: length,
            "min_doc_count": 0,
            "extended_bounds": bounds,
        },
        "meta": {"seconds": _SECONDS[length]}
        | ({} if every == "auto" else {"within": [start, end]}),
    }


def whole(aggregation: Mapping[str, Any]) -> Sequence[Any]:
    """The buckets of an answer without those that the ends of the time cut, whose figures are of
    fewer documents than the others'; all of them where nothing would be left."""
    buckets: Sequence[Any] = aggregation.get("buckets", ())
    meta = aggregation.get("meta", {})
    if "within" not in meta:
        return buckets
    start, end = meta["within"]
    length = 1000 * meta["seconds"]
    kept = [bucket for bucket in buckets if start <= bucket["key"] <= end - length]
    return kept if any(bucket["doc_count"] for bucket in kept) else buckets


def within(span: Span, field: str) -> dict[str, Any]:
    """The query for the documents whose time is in a span."""
    return {
        "range": {
            field: {
                "gte": milliseconds(span.start),
                "lt": milliseconds(span.end),
                "format": "epoch_millis",
            }
        }
    }


def milliseconds(moment: datetime) -> int:
    """Since 1970, as Elasticsearch counts."""
    return round(moment.timestamp() * 1000)
