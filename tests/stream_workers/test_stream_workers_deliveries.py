"""Both ways of delivery under faults, as a consumer of committed records sees them."""

import os
import signal
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from service_processes import PROJECT, ServiceProcesses

from contracts.events import Prediction

pytestmark = pytest.mark.stack

# `works` is the fixture of conftest.py; with importlib's import mode it cannot be imported.
Works = Any

both = pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])


def offsets(predictions: Sequence[Prediction]) -> dict[int, list[int]]:
    """Partition -> offsets of the events, in the order of their predictions."""
    found: dict[int, list[int]] = {}
    for prediction in predictions:
        found.setdefault(prediction.source.partition, []).append(prediction.source.offset)
    return found


def each_once_in_order(predictions: Sequence[Prediction]) -> bool:
    return all(
        earlier + 1 == later
        for offsets_of_one in offsets(predictions).values()
        for earlier, later in pairwise(offsets_of_one)
    )


@both
def test_killed_workers_lose_nothing(works: Works, delivery: str) -> None:
    works.publish("1", 1.0, sequence=1)
    first = works.start_worker(delivery)
    works.start_worker(delivery)
    works.wait_until_served("1")
    works.send(*works.events(5000))
    works.wait_for_predictions(1)
    first.kill()
    works.send(*works.events(5000, first=5000))
    predictions = works.wait_for_predictions(10_000)
    assert {p.event_id for p in predictions} == {f"e{n}" for n in range(10_000)}
    if delivery == "exactly_once":
        assert len(predictions) == 10_000
        assert each_once_in_order(predictions)


def test_a_worker_that_was_taken_for_dead_adds_nothing_and_goes_on(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    sleeper = works.start_worker("exactly_once")
    works.wait_until_served("1")
    works.send(*works.events(20_000))
    works.wait_for_predictions(1)
    os.kill(sleeper.pid, signal.SIGSTOP)
    try:
        other = works.start_worker("exactly_once")
        other.wait_for_log("partitions assigned")
        works.wait_for_predictions(20_000)
    finally:
        os.kill(sleeper.pid, signal.SIGCONT)
    works.send(*works.events(100, first=20_000))
    works.wait_for_predictions(20_100)
    assert other.stop() == 0
    works.send(*works.events(100, first=20_100))
    predictions = works.wait_for_predictions(20_200)
    assert len(predictions) == 20_200
    assert each_once_in_order(predictions)


def test_a_worker_that_its_group_has_left_out_starts_over(
    works: Works, running: ServiceProcesses, tmp_path: Path
) -> None:
    running.environment["PYTHONPATH"] = f"{PROJECT}:{PROJECT / 'tests'}"
    works.publish("1", 1.0, sequence=1)
    left_out = tmp_path / "left out"
    worker = running.start(
        "chaos.under_faults",
        ["stream_workers"],
        MILLRACE_SESSION_TIMEOUT_MS="6000",
        CHAOS_LEFT_OUT=str(left_out),
    )
    works.wait_until_served("1")
    works.send(*works.events(1000))
    works.wait_for_predictions(1)
    left_out.touch()
    worker.wait_for_log("it starts over")
    works.send(*works.events(1000, first=1000))
    predictions = works.wait_for_predictions(2000)
    assert len(predictions) == 2000
    assert each_once_in_order(predictions)
    assert worker.stop() == 0


@both
def test_predictions_that_kafka_refuses_are_made_again_until_it_takes_them(
    works: Works, delivery: str
) -> None:
    works.publish("1", 1.0, sequence=1)
    worker = works.start_worker(delivery)
    works.wait_until_served("1")
    limit_predictions(works, "2000")
    large = works.event(features={"size": 3, "note": os.urandom(4000).hex()})
    works.send(works.event(), large, works.event(), partition=0)
    worker.wait_for_log("outputs were not delivered", timeout=90)
    limit_predictions(works, "1000000")
    predictions = works.wait_for_predictions(3)
    if delivery == "exactly_once":
        assert [p.source.offset for p in predictions] == [0, 1, 2]


def limit_predictions(works: Works, size: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=works.settings.kafka)
    try:
        topic = works.topics.predictions.name
        admin.alter_configs(
            [ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": size})]
        )
    finally:
        admin.close()
