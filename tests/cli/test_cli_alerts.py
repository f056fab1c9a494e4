"""`millrace alerts` tells which alerts are open."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from typer.testing import CliRunner

from cli.main import app
from contracts.alerts import Alert
from contracts.kafka import create_topics
from contracts.settings import Settings
from contracts.windows import window_at
from elk.alerts.publishing import publish_alerts

pytestmark = pytest.mark.stack
NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
DRIFT = Alert(
    alert_id="flights-2-drift-0",
    state="raised",
    kind="drift",
    model="flights",
    version="2",
    at=NOW,
    window=window_at(datetime(2013, 5, 6, tzinfo=UTC), 24),
    reason="drift in 2 of the newest 3 windows",
)
OVER = msgspec.structs.replace(DRIFT, alert_id="fraud-1-drift-0", model="fraud", version="1")


def test_open_alerts_are_shown_and_all_if_asked_for(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_topics(settings)
    monkeypatch.setenv("MILLRACE_BOOTSTRAP_SERVERS", settings.kafka)
    monkeypatch.setenv("MILLRACE_TOPIC_PREFIX", settings.topic_prefix)

    def shown(*arguments: str) -> str:
        found = CliRunner().invoke(app, ["alerts", *arguments])
        assert found.exit_code == 0, found.output
        return found.stdout

    def listed(*arguments: str) -> list[dict[str, dict[str, str]]]:
        alerts: list[dict[str, dict[str, str]]] = json.loads(shown(*arguments, "--json"))["alerts"]
        return alerts

    assert listed() == []
    publish_alerts(settings, [OVER, DRIFT])
    later = NOW + timedelta(hours=1)
    gone = "version 1 serves no longer"
    publish_alerts(
        settings, [msgspec.structs.replace(OVER, state="resolved", at=later, reason=gone)]
    )
    [alert] = listed()
    assert alert["raised"]["alert_id"] == "flights-2-drift-0"
    assert alert["raised"]["reason"] == DRIFT.reason
    assert [one["newest"]["state"] for one in listed("--all")] == ["resolved", "raised"]
    assert listed("fraud") == []
    assert listed("fraud", "--all")[0]["newest"]["reason"] == gone
