"""Times as people write them on a command line."""

import re
from datetime import UTC, datetime, timedelta

from contracts.errors import UsageError

_AGO = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def moment(text: str | None, now: datetime | None = None) -> datetime | None:
    """A time from RFC 3339 (UTC where it names no zone), or `2h`: so long ago.

    Raises:
        UsageError: it is neither.
    """
    if text is None:
        return None
    try:
        if _AGO.fullmatch(text):
            return (now or datetime.now(UTC)) - span(text)
        found = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise UsageError(
            f"'{text}' is no time: write 2026-03-01T09:30:00Z, 2026-03-01, or 2h (30m, 3d) for "
            "so long ago"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def span(text: str) -> timedelta:
    """A length of time, such as `90s`, `30m`, `2h`, `3d` or `1w`.

    Raises:
        UsageError: it is none.
    """
    match = _AGO.fullmatch(text)
    try:
        if match:
            return timedelta(**{_UNITS[match[2]]: float(match[1])})
    except OverflowError:
        pass
    raise UsageError(f"'{text}' is no length of time: write 90s, 30m, 2h, 3d or 1w")
