"""Which alerts are open follows from the topic, whoever wrote there."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from contracts.alert_log import Alerts
from contracts.alerts import Alert
from contracts.windows import Window

START = datetime(2024, 1, 1, tzinfo=UTC)


def alert(name: str, state: str, hours: int = 0, **more: Any) -> bytes:
    at = START + timedelta(hours=hours)
    return msgspec.json.encode(
        Alert(
            alert_id=name,
            state=state,  # type: ignore[arg-type]
            kind="drift",
            model="m",
            version="1",
            at=at,
            window=Window(at, at + timedelta(days=1)),
            reason=state,
            **more,
        )
    )


def read(*values: bytes) -> Alerts:
    alerts = Alerts()
    alerts.take(values)
    return alerts


def test_an_alert_is_open_until_it_is_resolved() -> None:
    alerts = read(alert("a", "raised"), alert("b", "raised"), alert("a", "resolved", 5))
    assert [course.raised.alert_id for course in alerts.open] == ["b"]
    assert [(c.raised.alert_id, c.newest.state) for c in alerts.courses] == [
        ("a", "resolved"),
        ("b", "raised"),
    ]


def test_what_is_said_twice_changes_nothing() -> None:
    alerts = read(alert("a", "raised"), alert("a", "raised", 3))
    assert [course.raised.at for course in alerts.open] == [START]
    alerts.take([alert("a", "resolved", 5), alert("a", "resolved", 6)])
    [course] = alerts.courses
    assert course.newest.at == START + timedelta(hours=5)


def test_an_alert_that_is_raised_again_is_open_since_then() -> None:
    alerts = read(alert("a", "raised"), alert("a", "resolved", 5), alert("a", "raised", 9))
    assert [course.raised.at for course in alerts.open] == [START + timedelta(hours=9)]


def test_what_is_no_alert_is_passed_over() -> None:
    naive = alert("c", "raised").replace(b"Z", b"")
    unlike_ours = alert("two words", "raised"), alert("x" * 2000, "raised"), alert("", "raised")
    alerts = read(b"", b"\xff", b"[" * 10_000, b'{"alert_id":"x"}', naive, *unlike_ours)
    alerts.take([alert("b", "resolved")])
    assert alerts.courses == ()
