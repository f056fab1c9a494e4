"""The alerts step on a real Kafka and a real Elasticsearch."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import pytest
from logged_events import LoggedEvents
from msgspec.structs import replace
from pydantic import SecretStr
from waiting import wait_until

from contracts.alert_log import AlertLog
from contracts.alerts import Alert
from contracts.deployments import Canary, DeployedVersion, Deployment
from contracts.errors import ConfigurationError
from contracts.events import Role
from contracts.feature_schema import FeatureSchema
from contracts.following import FollowedTopic
from contracts.kafka import create_topics
from contracts.packages import DataWindow, Manifest, Payload
from contracts.release_rules import MonitorRule
from contracts.settings import Settings
from contracts.topics import Topics
from contracts.windows import window_at
from elk.alerts.publishing import publish_alerts
from elk.alerts.step import AlertStep
from elk.alerts.webhook import Webhook, message, webhook
from elk.watched import WatchedModel
from prediction_log.documents import EventModel
from prediction_log.window_documents import (
    DriftDocument,
    DriftFigures,
    PerformanceDocument,
    PerformanceFigures,
    State,
    Verdict,
)

MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
RULE = MonitorRule(windows=3, over=2)
DIGEST = "0" * 64


def served(champion: str = "1", canary: str | None = None, model: str = "m") -> WatchedModel:
    manifest = Manifest(
        environment="local",
        model=model,
        version=champion,
        task="regression",
        schema=FeatureSchema(()),
        payload=Payload("joblib", DIGEST, 1),
        estimator="e",
        data=DataWindow(source="f", fingerprint="x", rows=1, target="y"),
        monitor=RULE,
        golden=(),
        libraries={},
        created_at=MONDAY,
        created_by="me",
    )
    deployment = Deployment(
        environment="local",
        model=model,
        sequence=1,
        champion=DeployedVersion(champion, DIGEST),
        canary=Canary(canary, DIGEST, 0.1) if canary else None,
        author="me",
        reason="published",
        created_at=MONDAY,
    )
    return WatchedModel(model, deployment, dict.fromkeys(("1", "2", "3"), manifest))


SERVING = served()
OTHER = served(model="n")


@pytest.fixture
def written(settings: Settings) -> Iterator[LoggedEvents]:
    create_topics(settings)
    with LoggedEvents(settings) as events:
        yield events


def drift(
    written: LoggedEvents, day: int, *states: State, version: str = "1", role: Role = "champion"
) -> None:
    """A window with a verdict of one feature each."""
    window = window_at(MONDAY + timedelta(days=day), 24)
    for number, state in enumerate(states):
        document = DriftDocument(
            timestamp=window.start,
            model=EventModel("m", version, role),
            window=window,
            rows=500,
            drift=DriftFigures(kind="numeric", psi=0.3, mean=4.5, mean_before=7.25),
            verdict=Verdict(
                signal=f"f{number}", statistic="psi", state=state, value=0.3, limit=0.1, ratio=3.0
            ),
            computed_at=MONDAY,
        )
        name = f"m-{version}-{role}-{day}-{number}"
        written.add(written.names.drift("m", window.start), name, document)
    written.write()


def performance(written: LoggedEvents, day: int, state: State) -> None:
    window = window_at(MONDAY + timedelta(days=day), 24)
    verdict = Verdict(signal="roc_auc", statistic="roc_auc", state=state, value=0.6, limit=0.7)
    document = PerformanceDocument(
        timestamp=window.start,
        model=EventModel("m", "1", "champion"),
        window=window,
        rows=500,
        performance=PerformanceFigures(predictions=500, labelled=500, coverage=1.0),
        verdict=verdict,
        verdicts=(replace(verdict, signal="log_loss", state="ok"), verdict),
        computed_at=MONDAY,
    )
    written.add(written.names.performance("m", window.start), f"m-1-{day}", document)
    written.write()


def look(settings: Settings, written: LoggedEvents, *models: WatchedModel) -> list[Alert]:
    """What a monitor that has just been started says in one cycle."""
    before = said(settings)
    step = AlertStep()
    counts = step(settings, written.client, models)
    step.close()
    new = said(settings)[len(before) :]
    assert sum(counts.values()) == len(new)
    return new


def said(settings: Settings) -> list[Alert]:
    """All that stands on the topic."""
    with closing(FollowedTopic(settings, Topics(settings).alerts.name)) as topic:
        return [msgspec.json.decode(value, type=Alert) for value in topic.new_values()]


@pytest.mark.stack
def test_an_alert_is_said_once_whoever_looks_and_ends_when_it_is_over(
    settings: Settings, written: LoggedEvents
) -> None:
    drift(written, 0, "over", "ok")
    assert look(settings, written, SERVING, OTHER) == []
    drift(written, 1, "too_few", "too_few")
    drift(written, 2, "over", "over", "ok")
    drift(written, 3, "unknown", "ok")
    [raised] = look(settings, written, SERVING, OTHER)
    assert raised.alert_id == f"m-1-drift-{int(MONDAY.timestamp())}"
    assert raised.window == window_at(MONDAY + timedelta(days=3), 24)
    assert sorted(signal.name for signal in raised.signals) == ["f0", "f1"]
    assert "f0 fell from 7.25 to 4.5 (psi 0.3, limit 0.1)" in raised.reason
    assert look(settings, written, SERVING, OTHER) == []
    running = AlertStep()
    assert running(settings, written.client, [OTHER]) == {"raised": 0, "resolved": 0}
    for day in (4, 5, 6):
        drift(written, day, "ok")
    assert running(settings, written.client, [SERVING]) == {"raised": 0, "resolved": 1}
    assert running(settings, written.client, [SERVING]) == {"raised": 0, "resolved": 0}
    running.close()
    assert look(settings, written, SERVING) == []
    ended = said(settings)[-1]
    assert (ended.state, ended.alert_id) == ("resolved", raised.alert_id)
    with closing(AlertLog(settings)) as log:
        [course] = log.refreshed().courses
        assert not course.is_open


@pytest.mark.stack
def test_kinds_and_versions_have_alerts_of_their_own(
    settings: Settings, written: LoggedEvents
) -> None:
    for day in (0, 1):
        drift(written, day, "over", version="2", role="canary")
        drift(written, day, "over", version="1", role="shadow")
        performance(written, day, "over")
    raised = look(settings, written, served("1", canary="2"))
    assert [(a.version, a.kind) for a in raised] == [("1", "performance"), ("2", "drift")]
    assert [signal.name for signal in raised[0].signals] == ["roc_auc"]


@pytest.mark.stack
def test_alerts_of_a_version_that_serves_no_longer_end(
    settings: Settings, written: LoggedEvents
) -> None:
    for day in (0, 1):
        drift(written, day, "over")
    assert len(look(settings, written, SERVING)) == 1
    assert look(settings, written, replace(SERVING, versions={})) == []
    assert look(settings, written, served(model="n", champion="2")) == []
    [ended] = look(settings, written, served("2"))
    assert (ended.state, ended.reason) == ("resolved", "version 1 serves no longer")
    assert look(settings, written, served("2")) == []


class Receiver(HTTPServer):
    """Keeps what is posted; answers with the statuses it is given, then with 200."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.statuses = list(statuses)
        self.posted: list[tuple[str, dict[str, Any]]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/secret-token?key=secret-token"


class _Answer(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.posted.append((self.path, json.loads(body)))
        self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


ALERT = Alert(
    alert_id="m-1-drift-0",
    state="raised",
    kind="drift",
    model="m",
    version="1",
    at=MONDAY,
    window=window_at(MONDAY, 24),
    reason="drift in 2 of the newest 3 windows",
)


def test_alerts_are_posted_in_order_with_a_text_and_tried_again() -> None:
    receiver = Receiver(503, 200, 200)
    hook = Webhook(receiver.url)
    hook.post(ALERT)
    hook.post(replace(ALERT, state="resolved"))
    wait_until(lambda: len(receiver.posted) == 3)
    hook.close()
    assert [body["state"] for _, body in receiver.posted] == ["raised", "raised", "resolved"]
    path, body = receiver.posted[0]
    assert path == "/services/secret-token?key=secret-token"
    assert body == message(ALERT)
    assert body["text"].startswith("ALERT: model m version 1, drift: drift in 2")
    assert body["window"]["start"] == "2024-01-01T00:00:00Z"
    receiver.shutdown()
    receiver.server_close()


def test_a_webhook_that_fails_holds_nothing_up_and_its_url_is_in_no_log(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver = Receiver(404)
    told: list[str] = []

    def logs() -> str:
        told.append("".join(capsys.readouterr()))
        return caplog.text + "".join(told)

    caplog.set_level("DEBUG")
    hook = Webhook(receiver.url)
    hook.post(ALERT)
    wait_until(lambda: "status 404" in logs())
    receiver.shutdown()
    receiver.server_close()
    for _ in range(2000):
        hook.post(ALERT)
    hook.close()
    assert "too many wait" in logs()
    assert "NewConnectionError" in logs()
    assert "secret-token" not in logs()


def test_a_webhook_must_be_a_url(no_variables: None) -> None:
    wrong = Settings(alert_webhook=SecretStr("token-without-a-place"))
    with pytest.raises(ConfigurationError, match="MILLRACE_ALERT_WEBHOOK is no URL") as error:
        webhook(wrong)
    assert "token" not in str(error.value)


@pytest.mark.stack
def test_alerts_become_documents(log: Any, settings: Settings, start_indexer: Any) -> None:
    publish_alerts(settings, [ALERT, replace(ALERT, state="resolved", reason="over")])
    log.send(log.topics.alerts.name, b'{"alert_id": 5}')
    start_indexer(settings)
    wait_until(lambda: log.count("alerts") == 2 and log.count("dead-letters") == 1)
    first, second = sorted(log.sources("alerts"), key=lambda one: one["kafka"]["offset"])
    assert first["alert"]["id"] == second["alert"]["id"] == "m-1-drift-0"
    assert [one["alert"]["state"] for one in (first, second)] == ["raised", "resolved"]
    assert first["@timestamp"] == "2024-01-01T00:00:00Z"
    assert first["model"] == {"name": "m", "version": "1"}
    assert first["window"] == {"start": "2024-01-01T00:00:00Z", "end": "2024-01-02T00:00:00Z"}
