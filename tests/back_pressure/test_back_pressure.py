"""Whoever is ahead of the one it hands to slows down: memory does not grow with what waits."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from back_pressure.backlog import RECORDS, send, texts
from back_pressure.memory import Watch
from back_pressure.quotas import slow_acknowledgements
from chaos.deployer import Deployer
from chaos.evidence import Witness
from chaos.load import MODEL
from elasticsearch_front import Front
from service_processes import PROJECT, ServiceProcesses
from waiting import wait_until

from contracts.events import Latency, ModelRef, Prediction, Regression, Source
from contracts.kafka import create_topics
from contracts.settings import Settings
from contracts.topics import Topics

pytestmark = [pytest.mark.stack, pytest.mark.chaos]

SLOW = 1_000_000.0
"""Bytes per second that Kafka acknowledges where it is to be slow."""
PATIENCE_SECONDS = 180.0
SENDER_MIB = 250
"""60 MiB when idle; values of 64 MiB that wait, which kafka-python holds compressed beside."""
WORKER_MIB = 850
"""245 MiB when idle; librdkafka's two queues of 32 and 64 MiB; up to 28 MiB of records in each of
the batches that are scored and committed, as received, as decoded, and as predictions."""
INDEXER_MIB = 500
"""165 MiB when idle; up to 28 MiB in each of two requests, as records, lines and body; what waits
for them; what was fetched, 4 MiB for each of 17 partitions."""


@pytest.fixture
def services(settings: Settings, running: ServiceProcesses) -> ServiceProcesses:
    """Services that find the modules of the tests."""
    create_topics(settings)
    running.environment["PYTHONPATH"] = f"{PROJECT}:{PROJECT / 'tests'}"
    return running


@pytest.fixture
def witness(settings: Settings, tmp_path: Path) -> Witness:
    return Witness(
        settings.kafka, settings.elasticsearch_url, settings.topic_prefix, tmp_path / "no-record"
    )


def events() -> Iterator[bytes]:
    for number, text in enumerate(texts()):
        yield msgspec.json.encode(
            {
                "event_id": f"e{number}",
                "entity_id": "n",
                "occurred_at": time.time(),
                "model": MODEL,
                "features": {"size": 1.0, "note": text},
            }
        )


def predictions() -> Iterator[bytes]:
    when = datetime(2024, 1, 1, tzinfo=UTC)
    for number, text in enumerate(texts()):
        yield msgspec.json.encode(
            Prediction(
                event_id=f"e{number}",
                entity_id="n",
                occurred_at=when,
                predicted_at=when,
                model=ModelRef(MODEL, "1", "champion"),
                prediction=Regression(1.0),
                latency=Latency(1, 2, 3, 4),
                source=Source("features", "uuid", 0, number),
                worker="w",
                features={"note": text},
            )
        )


def test_a_producer_ahead_of_kafka_blocks(
    settings: Settings, services: ServiceProcesses, witness: Witness
) -> None:
    with slow_acknowledgements(settings, SLOW):
        sender = services.start("back_pressure.sender", MILLRACE_DELIVERY_TIMEOUT_SECONDS="240")
        with Watch(sender.pid) as memory:
            sender.wait_for_log("connected")
            memory.wait_until_steady()
            assert sum(witness.ends("features").values()) < RECORDS
    assert memory.most_mib < SENDER_MIB


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
def test_a_worker_ahead_of_kafka_waits_for_it(
    delivery: str, settings: Settings, services: ServiceProcesses, witness: Witness
) -> None:
    deployer = Deployer(settings)
    deployer.next_version()
    deployer.flush()
    send(settings, Topics(settings).features.name, events())

    def finished() -> int:
        return sum(witness.committed("workers", "features").values())

    with slow_acknowledgements(settings, SLOW):
        worker = services.start("stream_workers", MILLRACE_DELIVERY=delivery)
        with Watch(worker.pid) as memory:
            worker.wait_for_log("partitions assigned")
            memory.wait_until_steady()
            assert finished() < RECORDS
    with Watch(worker.pid) as later:
        wait_until(lambda: finished() == RECORDS, PATIENCE_SECONDS, lambda: f"{finished()} done")
    assert max(memory.most_mib, later.most_mib) < WORKER_MIB


def test_an_indexer_ahead_of_elasticsearch_waits_for_it(
    settings: Settings, services: ServiceProcesses, witness: Witness
) -> None:
    front = Front(settings.elasticsearch_url)
    front.standing = 429
    send(settings, Topics(settings).predictions.name, predictions())
    indexer = services.start("elk", MILLRACE_ELASTICSEARCH=front.url)
    with Watch(indexer.pid) as memory:
        wait_until(lambda: front.refused > 5, PATIENCE_SECONDS)
        memory.wait_until_steady()
        assert witness.committed("indexer", "predictions") == {}
        front.standing = None
        wait_until(lambda: witness.outcomes() > 200, PATIENCE_SECONDS)
    front.close()
    assert memory.most_mib < INDEXER_MIB
