"""An indexer on a real Kafka and a real Elasticsearch, and what is put before it."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from elasticsearch import Elasticsearch
from elasticsearch_front import Front
from waiting import wait_until

from contracts.events import Latency, ModelRef, Outcome, Prediction, Regression, Source
from contracts.kafka import create_topics, librdkafka_settings
from contracts.settings import Settings
from contracts.topics import Topics
from elk import indexer
from prediction_log import read

PATIENCE_SECONDS = 60.0
MARCH = datetime(2013, 3, 1, tzinfo=UTC)


def wait_for(condition: Callable[[], Any]) -> Any:
    """Wait until the condition gives something true, and give that."""
    return wait_until(condition, PATIENCE_SECONDS)


@pytest.fixture(name="wait_for")
def wait_for_fixture() -> Callable[[Callable[[], Any]], Any]:
    return wait_for


class Log:
    """The topics as those who write them see them, and the indices as an analyst does."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.topics = Topics(settings)
        create_topics(settings)
        # librdkafka's producer, since it also sends what kafka-python refuses to.
        self._producer = Producer(
            {**librdkafka_settings(settings), "message.max.bytes": 4 * 1024 * 1024}
        )
        # An index that is just being created answers 503.
        self.elasticsearch = Elasticsearch(settings.elasticsearch_url)
        self._lenient = self.elasticsearch.options(ignore_status=503)

    def send(self, topic: str, *values: object, partition: int = 0, **more: Any) -> None:
        """Put values on a topic: bytes as they are, structs as JSON."""
        for value in values:
            content = value if isinstance(value, bytes | None) else msgspec.json.encode(value)
            self._producer.produce(topic, content, partition=partition, **more)
        self._producer.flush()

    def send_predictions(self, count: int, first: int = 0) -> None:
        """Put `count` predictions on the topic, evenly over its partitions."""
        for n in range(first, first + count):
            self._producer.produce(
                self.topics.predictions.name,
                msgspec.json.encode(self.prediction(n)),
                partition=n % self.settings.partitions,
            )
        self._producer.flush()

    def prediction(self, offset: int = 0, **changes: Any) -> Prediction:
        """The answer to the event at an offset."""
        outcome: Outcome = Regression(1.5)
        fields: dict[str, Any] = {
            "event_id": f"e{offset}",
            "entity_id": "N1",
            "occurred_at": MARCH + timedelta(minutes=offset),
            "predicted_at": MARCH + timedelta(minutes=offset + 1),
            "model": ModelRef("flights", "1", "champion"),
            "prediction": outcome,
            "latency": Latency(1, 2, 3, 4),
            "source": Source("features", "uuid", 0, offset),
            "worker": "w1",
            "features": {"hour": 9.0, "carrier": "UA"},
        }
        return Prediction(**(fields | changes))

    def sources(self, kind: str) -> list[dict[str, Any]]:
        """All documents of a kind that can be found now."""
        index = f"{self.settings.index_prefix}-{kind}-*"
        self._lenient.indices.refresh(index=index)
        answer = self._lenient.search(index=index, size=10_000)
        return [hit["_source"] for hit in answer.get("hits", {}).get("hits", [])]

    def count(self, kind: str = "predictions") -> int:
        """How many documents of a kind can be found now."""
        index = f"{self.settings.index_prefix}-{kind}-*"
        self._lenient.indices.refresh(index=index)
        return int(self._lenient.count(index=index).get("count", 0))

    def distinct_events(self) -> int:
        """How many different events the predictions speak of."""
        return int(read(self.settings, columns=["event.id"])["event.id"].nunique())

    def partitions(self, topic: str) -> int:
        """How many partitions of a topic the producer knows, after asking Kafka."""
        return len(self._producer.list_topics(topic, timeout=10).topics[topic].partitions)


@pytest.fixture
def log(settings: Settings) -> Iterator[Log]:
    log = Log(settings)
    yield log
    log.elasticsearch.close()


Start = Callable[[Settings], threading.Event]


@pytest.fixture
def start_indexer() -> Iterator[Start]:
    """Start indexers in threads; all are stopped at the end and must not have failed."""
    running: list[tuple[threading.Thread, threading.Event]] = []
    failures: list[BaseException] = []

    def start(settings: Settings) -> threading.Event:
        stop = threading.Event()

        def work() -> None:
            try:
                indexer.run(settings, stop)
            except BaseException as error:
                failures.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        running.append((thread, stop))
        return stop

    yield start
    for _, stop in running:
        stop.set()
    for thread, _ in running:
        thread.join(30)
        assert not thread.is_alive(), "the indexer did not stop within 30 s"
    assert not failures, failures


@pytest.fixture
def start_process(settings: Settings) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Start indexers as processes of their own."""
    running: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        given = {
            f"MILLRACE_{name.upper()}": str(getattr(settings, name))
            for name in settings.model_fields_set
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "elk", "indexer"],
            env={**os.environ, **given, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def front(settings: Settings) -> Iterator[Front]:
    front = Front(settings.elasticsearch_url)
    yield front
    front.close()
