"""Deployments on a real Kafka: gate, force, race, archive; each command writes one or none."""

import threading
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from kafka import TopicPartition

import trainer.deployments.deploying
from contracts.consumers import python_consumer
from contracts.control_topic import ControlState, read_control
from contracts.errors import DeploymentError, PackageError, UsageError
from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.model_events import ModelEvent
from contracts.model_store import ModelStore
from contracts.release_rules import Gate, LatencyBudget, Limit
from contracts.settings import Settings
from contracts.topics import Topics
from trainer import (
    Recipe,
    deploy,
    pause,
    promote,
    publish,
    resume,
    retire,
    roll_back,
    start_canary,
    start_shadow,
    train,
)
from trainer.deployments.archiving import restore
from trainer.gate.checks import GateError

pytestmark = pytest.mark.stack
ROWS = 3000


def table(folder: Path, *, noise: float, seed: int = 0) -> str:
    """Rows of which a share `noise` has the wrong label."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, ROWS))
    target = (x + y > 0) ^ (rng.random(ROWS) < noise)
    path = folder / f"noise-{noise}-{seed}.parquet"
    pd.DataFrame({"x": x, "y": y, "target": target}).to_parquet(path)
    return str(path)


def model(settings: Settings, data: str, **more: Any) -> str:
    recipe = Recipe(model="m", data=data, target="target", estimator="linear", **more)
    return train(recipe, settings).version


@pytest.fixture
def ready(settings: Settings) -> Settings:
    generate_keys(settings.keys)
    create_topics(settings)
    return settings


def events(settings: Settings) -> list[ModelEvent]:
    partition = TopicPartition(Topics(settings).model_events.name, 0)
    consumer = python_consumer(settings, auto_offset_reset="earliest")
    consumer.assign([partition])
    end = consumer.end_offsets([partition])[partition]
    found: list[ModelEvent] = []
    while consumer.position(partition) < end:
        for record in consumer.poll(timeout_ms=500).get(partition, []):
            found.append(msgspec.json.decode(record.value, type=ModelEvent))
    consumer.close()
    return found


def test_a_worse_candidate_is_refused_with_the_figures_and_changes_nothing(
    ready: Settings, tmp_path: Path
) -> None:
    good = table(tmp_path, noise=0.05)
    model(ready, good)
    first = publish(ready, "m")
    limits = Gate(metrics={"log_loss": Limit(worse_by=0.01)})
    model(ready, good, parameters={"C": 1e-9}, gate=limits)
    with pytest.raises(GateError) as refused:
        deploy(ready, "m", "2")
    report = refused.value.report
    assert (report.version, report.champion, report.rows) == ("2", "1", 600)
    [check] = [check for check in report.checks if not check.passed]
    assert check.name == "log_loss"
    assert check.value is not None
    assert check.champion is not None
    assert check.value > check.champion + 0.01
    assert read_control(ready).log.newest("m") == first
    with pytest.raises(GateError):
        start_canary(ready, "m", "2", 0.1, "try it")
    assert start_shadow(ready, "m", "2", "nobody sees it").changed
    assert [e.event for e in events(ready)].count("gate_refused") == 2


def test_a_candidate_without_a_feature_of_the_champion_is_compared_all_the_same(
    ready: Settings, tmp_path: Path
) -> None:
    data = table(tmp_path, noise=0.05)
    model(ready, data)
    publish(ready, "m")
    model(ready, data, exclude=("y",))
    with pytest.raises(GateError) as refused:
        deploy(ready, "m", "2")
    [check] = [check for check in refused.value.report.checks if not check.passed]
    assert check.name == "roc_auc"
    assert check.champion is not None
    assert check.champion > 0.9


def test_force_is_recorded_with_its_reason(ready: Settings, tmp_path: Path) -> None:
    data = table(tmp_path, noise=0.05)
    model(ready, data)
    publish(ready, "m")
    model(ready, data, gate=Gate(metrics={"roc_auc": Limit(at_least=0.9999)}))
    done = deploy(ready, "m", "2", "needed today", force=True)
    assert done.deployment.forced == "needed today"
    assert done.gate is not None
    assert not done.gate.passed
    [overruled] = [e for e in events(ready) if e.event == "gate_overruled"]
    assert overruled.reason == "needed today"
    assert any(not check.passed for check in overruled.checks)
    assert roll_back(ready, "m").deployment.forced is None


@pytest.mark.parametrize(
    "gate",
    [
        Gate(minimum_rows=5000),
        Gate(metrics={"calibration_error": Limit(at_most=0.0)}),
        Gate(latency=LatencyBudget(one_row_ms=1e-6)),
        Gate(latency=LatencyBudget(batch_ms=1e-6)),
    ],
)
def test_each_rule_can_refuse_a_first_version_too(
    ready: Settings, tmp_path: Path, gate: Gate
) -> None:
    model(ready, table(tmp_path, noise=0.05), gate=gate)
    with pytest.raises(GateError):
        publish(ready, "m")
    assert read_control(ready).records == ()


def test_held_out_rows_that_were_altered_are_not_used(ready: Settings, tmp_path: Path) -> None:
    model(ready, table(tmp_path, noise=0.05))
    digest = ModelStore(ready.store_url).versions("m")["1"]
    path = Path(ready.store_url) / "m" / "packages" / digest / "holdout"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(PackageError, match="held-out rows"):
        publish(ready, "m")


def test_of_two_engineers_with_different_commands_one_wins_and_the_other_is_told(
    ready: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = table(tmp_path, noise=0.05)
    for _ in range(3):
        model(ready, data)
    publish(ready, "m", "1")
    both_have_read = threading.Barrier(2)
    read = trainer.deployments.deploying.read_control
    waited = threading.local()

    def read_then_wait(settings: Settings) -> ControlState:
        state = read(settings)
        if not getattr(waited, "once", False):
            waited.once = True
            both_have_read.wait(60)
        return state

    monkeypatch.setattr(trainer.deployments.deploying, "read_control", read_then_wait)
    done: list[str] = []
    told: list[str] = []

    def engineer(name: str, command: Any) -> None:
        try:
            command()
            done.append(name)
        except DeploymentError as error:
            told.append(str(error))

    threads = [
        threading.Thread(target=engineer, args=one)
        for one in (
            ("canary", lambda: start_canary(ready, "m", "2", 0.1, "try it")),
            ("shadow", lambda: start_shadow(ready, "m", "3", "look at it")),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [len(done), len(told)] == [1, 1]
    assert "was quicker: sequence 2" in told[0]
    state = read_control(ready).log.newest("m")
    assert state is not None
    assert (state.canary is not None, bool(state.shadows)) == (
        done == ["canary"],
        done == ["shadow"],
    )


def test_the_whole_life_of_a_model(ready: Settings, tmp_path: Path) -> None:
    data = table(tmp_path, noise=0.05)
    for _ in range(3):
        model(ready, data)
    for early in (
        lambda: start_canary(ready, "m", "1", 0.1, ""),
        lambda: start_shadow(ready, "m", "1", ""),
        lambda: roll_back(ready, "m"),
        lambda: pause(ready, "m"),
    ):
        with pytest.raises(UsageError, match=r"publish"):
            early()
    publish(ready, "m", "1")
    start_shadow(ready, "m", "3", "look at it")
    start_canary(ready, "m", "2", 0.1, "try it")
    promoted = promote(ready, "m").deployment
    assert (promoted.champion.version, promoted.canary) == ("2", None)
    assert promoted.standby is not None
    assert promoted.standby.version == "1"
    assert pause(ready, "m").deployment.paused
    assert not pause(ready, "m").changed
    assert not resume(ready, "m").deployment.paused
    back = roll_back(ready, "m", reason="too many alarms").deployment
    assert (back.champion.version, back.standby, back.reason) == ("1", None, "too many alarms")
    assert retire(ready, "m", "2").deployment.retired == ("2",)
    with pytest.raises(UsageError, match="retired"):
        publish(ready, "m", "2")
    sequences = [d.sequence for d in read_control(ready).log.history["m"]]
    assert sequences == list(range(1, len(sequences) + 1))


def test_a_control_topic_that_was_lost_is_restored_from_the_store(
    ready: Settings, tmp_path: Path
) -> None:
    data = table(tmp_path, noise=0.05)
    model(ready, data)
    model(ready, data)
    publish(ready, "m", "1")
    newest = publish(ready, "m", "2")
    with pytest.raises(UsageError, match="nothing to restore"):
        restore(ready, "m")
    lost = ready.model_copy(update={"topic_prefix": f"{ready.topic_prefix}new."})
    create_topics(lost)
    assert restore(lost, "m") == newest
    assert read_control(lost).log.newest("m") == newest
    assert publish(lost, "m", "1").sequence == newest.sequence + 1
