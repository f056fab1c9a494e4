"""What the log says about a canary, on a real Elasticsearch, and what is made of it."""

import json
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from elasticsearch import Elasticsearch
from service_processes import ServiceProcesses

from contracts.control_topic import read_control
from contracts.dead_letters import DeadLetter
from contracts.events import Classification, Label, Latency, ModelRef, Prediction, Role, Source
from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.release_rules import CanaryRule, Limit
from contracts.settings import Settings
from prediction_log.bulk import create_lines
from prediction_log.dead_letter_documents import from_dead_letter
from prediction_log.documents import (
    ReceivedPrediction,
    from_label,
    from_prediction,
    received_model,
)
from prediction_log.indices import IndexNames, coordinates_id, prediction_id
from prediction_log.template import install_template
from trainer import Recipe, publish, start_canary, train
from trainer.canaries.judging import Judged, judge_all
from trainer.rescoring import rescore

pytestmark = pytest.mark.stack
ROWS = 600
RULE = CanaryRule(
    least_predictions=100, least_labels=100, metrics={"log_loss": Limit(worse_by=0.1)}
)


class Served:
    """Documents as an indexer would have made them."""

    def __init__(self, settings: Settings) -> None:
        self.client = Elasticsearch(settings.elasticsearch_url)
        self._names = IndexNames(settings)
        self._lines: list[bytes] = []
        self._offset = 0
        install_template(settings)

    def predict(
        self, version: str, x: float, sure: float, role: Role, label: bool | None = None
    ) -> None:
        """One event that a version answered, and what happened."""
        now, self._offset = datetime.now(UTC), self._offset + 1
        answer = Classification(
            "true" if sure >= 0.5 else "false",
            max(sure, 1 - sure),
            {"true": sure, "false": 1 - sure},
        )
        prediction = Prediction(
            event_id=f"e{self._offset}",
            entity_id="n",
            occurred_at=now,
            predicted_at=now,
            model=ModelRef("m", version, role),
            prediction=answer,
            latency=Latency(1, 2, 3, 4),
            source=Source("features", "uuid", 0, self._offset),
            worker="w",
            features={"x": x, "ok": True},
        )
        received = msgspec.json.decode(msgspec.json.encode(prediction), type=ReceivedPrediction)
        self._add(
            self._names.predictions("m", now),
            prediction_id(prediction.source, prediction.model),
            from_prediction(received, received_model(received.model)),
        )
        if label is not None:
            said = Label(event_id=f"e{self._offset}", model="m", label=label, occurred_at=now)
            place = Source("labels", "uuid-of-labels", 0, self._offset)
            self._add(self._names.labels("m", now), coordinates_id(place), from_label(said, place))

    def fail(self, version: str) -> None:
        """One event that a version could not score."""
        now, self._offset = datetime.now(UTC), self._offset + 1
        letter = DeadLetter(
            stage="worker",
            reason="prediction_failed",
            detail="the model raised",
            source=Source("features", "uuid", 0, self._offset),
            sent_at=now,
            failed_at=now,
            member="w",
            model="m",
            version=version,
        )
        self._add(
            self._names.dead_letters(now),
            coordinates_id(letter.source),
            from_dead_letter(letter, b"{}"),
        )

    def write(self) -> None:
        """Let all of it be found."""
        answer = self.client.perform_request(
            "POST",
            "/_bulk?refresh=true",
            headers={"accept": "application/json", "content-type": "application/x-ndjson"},
            body=b"".join(self._lines),
        )
        assert not answer.body["errors"], answer.body
        self._lines.clear()

    def _add(self, *entry: Any) -> None:
        self._lines.append(create_lines(*entry))


@pytest.fixture
def ready(settings: Settings, tmp_path: Path) -> Settings:
    """Version 1 is the champion, version 2 its canary with a rule."""
    generate_keys(settings.keys)
    create_topics(settings)
    rng = np.random.default_rng(0)
    x = rng.normal(size=ROWS)
    table = pd.DataFrame({"x": x, "ok": rng.random(ROWS) < 0.5, "y": x > 0})
    path = tmp_path / "rows.parquet"
    table.to_parquet(path)
    for _ in range(2):
        train(Recipe(model="m", data=str(path), target="y", canary=RULE), settings)
    publish(settings, "m", "1")
    start_canary(settings, "m", "2", 0.5, "try it")
    return settings


@pytest.fixture
def served(ready: Settings) -> Iterator[Served]:
    served = Served(ready)
    yield served
    served.client.close()


def both(served: Served, canary_sure: float, count: int = 200) -> None:
    """Champion and canary answer as many events each; the champion is right and rather sure."""
    for number in range(count):
        truth = number % 2 == 0
        served.predict("1", 1.0, 0.8 if truth else 0.2, "champion", truth)
        served.predict("2", 1.0, canary_sure if truth else 1 - canary_sure, "canary", truth)


def judged(settings: Settings, *, act: bool = True) -> Judged:
    [found] = judge_all(settings, act=act)
    return found


def test_a_canary_without_evidence_waits(ready: Settings, served: Served) -> None:
    found = judged(ready)
    assert found.verdict is not None
    assert found.verdict.decision == "wait"
    both(served, 0.8, count=99)
    served.write()
    assert judged(ready).verdict.decision == "wait"  # type: ignore[union-attr]


def test_a_canary_as_good_as_the_champion_is_promoted(ready: Settings, served: Served) -> None:
    both(served, 0.81)
    served.predict("2", 1.0, 0.0, "shadow", True)  # is no evidence
    served.write()
    assert judged(ready, act=False).verdict.decision == "promote"  # type: ignore[union-attr]
    assert read_control(ready).log.newest("m").sequence == 2  # type: ignore[union-attr]
    found = judged(ready).verdict
    assert found is not None
    figures = {check.name: check for check in found.checks}
    assert figures["log_loss"].champion == pytest.approx(-np.log(0.8), abs=1e-6)
    newest = read_control(ready).log.newest("m")
    assert newest is not None
    assert (newest.champion.version, newest.canary) == ("2", None)
    assert newest.reason == "verdict: every check passed"
    assert list(judge_all(ready)) == []


def test_the_judge_as_a_container_runs_it(
    ready: Settings, served: Served, running: ServiceProcesses
) -> None:
    both(served, 0.81)
    served.write()
    judge = running.start("trainer", ["judge"], MILLRACE_LOG_FORMAT="json")
    judge.wait_for_log("canary: promote")
    [told] = (json.loads(x) for x in judge.output.splitlines() if "health and metrics" in x)
    with urllib.request.urlopen(f"{told['address']}/health/live", timeout=10) as answer:
        assert answer.status == 200
    assert judge.stop() == 0
    assert read_control(ready).log.newest("m").champion.version == "2"  # type: ignore[union-attr]


def test_a_canary_that_labels_prove_wrong_is_ended(ready: Settings, served: Served) -> None:
    both(served, 0.3)
    served.write()
    assert judged(ready).verdict.decision == "roll back"  # type: ignore[union-attr]
    newest = read_control(ready).log.newest("m")
    assert newest is not None
    assert (newest.champion.version, newest.canary) == ("1", None)


def test_a_canary_that_fails_on_events_is_ended_at_once(ready: Settings, served: Served) -> None:
    for _ in range(30):
        served.predict("1", 1.0, 0.8, "champion")
        served.predict("2", 1.0, 0.8, "canary")
        served.fail("2")
    served.write()
    found = judged(ready).verdict
    assert found is not None
    assert found.decision == "roll back"
    assert "fails on events" in found.why
    assert found.checks[0].value == pytest.approx(0.5)


def test_a_past_window_is_scored_again(ready: Settings, served: Served) -> None:
    for number in range(100):
        x = (number - 50) / 10
        served.predict("1", x, 0.9, "champion", x > 0)
    served.write()
    found = rescore(ready, "m", "2", None, None, most=1000)
    assert (found.events, found.rows, found.unscored, found.labelled) == (100, 100, 0, 100)
    assert found.versions == {"1": 100}
    assert found.served["accuracy"] == pytest.approx(0.49)
    assert found.rescored["accuracy"] > 0.9
    assert found.same is not None
    assert found.same < 0.6
    soon = datetime.now(UTC) + timedelta(hours=1)
    sample = rescore(ready, "m", None, soon - timedelta(hours=2), soon, most=10)
    assert (sample.events, sample.rows) == (100, 10)
