"""Times as operators write them."""

from datetime import UTC, datetime, timedelta

import pytest

from cli.moments import moment, span
from contracts.errors import UsageError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2h", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        ("30m", datetime(2026, 3, 1, 11, 30, tzinfo=UTC)),
        ("1w", datetime(2026, 2, 22, 12, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T09:30:00Z", datetime(2026, 3, 1, 9, 30, tzinfo=UTC)),
        ("2026-03-01T09:30:00+02:00", datetime(2026, 3, 1, 7, 30, tzinfo=UTC)),
        (None, None),
    ],
)
def test_a_time_is_a_date_or_so_long_ago(text: str | None, meant: datetime | None) -> None:
    assert moment(text, NOW) == meant


@pytest.mark.parametrize("text", ["", "soon", "2 years", "-2h", "2x", "9" * 400 + "d", "99999999w"])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="is no"):
        moment(text, NOW)


def test_a_span_is_a_length_of_time() -> None:
    assert span("90s") == timedelta(seconds=90)
    with pytest.raises(UsageError, match="length of time"):
        span("2026-03-01")
