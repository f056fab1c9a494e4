"""Rules that no calendar and no window can follow are refused where they are read."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from contracts.release_rules import MonitorRule, RetrainRule
from contracts.windows import window_at


@pytest.mark.parametrize(
    ("rule", "content"),
    [
        (MonitorRule, {"windows": 2, "over": 3}),
        (MonitorRule, {"window_hours": 0.0}),
        (MonitorRule, {"window_hours": 1e-9}),
        (MonitorRule, {"window_hours": float("inf")}),
        (MonitorRule, {"window_hours": float("nan")}),
        (RetrainRule, {"train_hours": 1e9}),
        (RetrainRule, {"cooldown_hours": float("inf")}),
        (RetrainRule, {"every_hours": 1e9}),
    ],
)
def test_rules_that_cannot_be_followed_are_refused(rule: type, content: dict[str, float]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(content, rule)


def test_windows_are_whole_milliseconds_as_elasticsearch_counts_them() -> None:
    moment = datetime(2026, 3, 2, 12, tzinfo=UTC)
    window = window_at(moment, 1 / 7)
    assert (window.end - window.start) % timedelta(milliseconds=1) == timedelta()
    assert window.start <= moment < window.end
    assert window_at(window.end, 1 / 7).start == window.end
