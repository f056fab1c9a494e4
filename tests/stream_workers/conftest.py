"""Workers as processes on a real Kafka: models for them, events for them, and what they answer."""

import io
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import confluent_kafka as ck
import joblib
import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from service_processes import ServiceProcess, ServiceProcesses
from sklearn.dummy import DummyRegressor
from waiting import wait_until

from contracts.dead_letters import DeadLetter, from_headers
from contracts.deployments import PAYLOAD_TYPE, DeployedVersion, Deployment
from contracts.events import Prediction
from contracts.feature_schema import Feature, FeatureSchema
from contracts.kafka import create_topics
from contracts.keys import generate_keys, load_private_key
from contracts.model_events import ModelEvent
from contracts.model_store import ModelStore
from contracts.package_loading import installed_libraries
from contracts.packages import (
    DataWindow,
    GoldenSample,
    Manifest,
    Package,
    Payload,
    sha256,
    sign_package,
)
from contracts.scorer import Scorer
from contracts.settings import Settings
from contracts.signatures import seal
from contracts.topics import Topics

PATIENCE_SECONDS = 90.0
SCHEMA = FeatureSchema((Feature("size", "numeric"), Feature("weight", "numeric", nullable=True)))
MODEL = "sizes"
_IMPATIENT = {"MILLRACE_SESSION_TIMEOUT_MS": "6000", "MILLRACE_PACKAGE_RETRY_SECONDS": "1"}


class Works:
    """The topics as producers, engineers and consumers see them."""

    def __init__(self, settings: Settings, running: ServiceProcesses) -> None:
        self.settings = settings
        self._running = running
        self.topics = Topics(settings)
        create_topics(settings)
        generate_keys(settings.keys)
        self.store = ModelStore(settings.store_url)
        self._producer = ck.Producer(
            {"bootstrap.servers": settings.kafka, "message.max.bytes": 8 * 1024 * 1024}
        )

    def start_worker(self, delivery: str = "exactly_once") -> ServiceProcess:
        """A worker whose death Kafka notices soon, and that does not wait long for a package."""
        return self._running.start("stream_workers", MILLRACE_DELIVERY=delivery, **_IMPATIENT)

    def start_workers(self, processes: int) -> ServiceProcess:
        """Such workers under one supervisor, as `millrace worker` starts them."""
        return self._running.start("cli", ["worker", "--processes", str(processes)], **_IMPATIENT)

    def wait_for(self, condition: Callable[[], Any], what: str) -> Any:
        return wait_until(condition, PATIENCE_SECONDS, what)

    # What ML engineers do.

    def package(self, version: str, answer: float) -> Package:
        """A model that always gives one number, so that its answers tell its version."""
        estimator = DummyRegressor(strategy="constant", constant=answer)
        estimator.fit(np.zeros((1, 2)), [0.0])
        payload = io.BytesIO()
        joblib.dump(estimator, payload)
        sample: dict[str, Any] = {"size": 1.0, "weight": None}
        [golden] = Scorer("regression", SCHEMA, estimator).predict(SCHEMA.columns([sample]))
        assert golden is not None
        manifest = Manifest(
            environment=self.settings.environment,
            model=MODEL,
            version=version,
            task="regression",
            schema=SCHEMA,
            payload=Payload("joblib", sha256(payload.getvalue()), len(payload.getvalue())),
            estimator="DummyRegressor",
            data=DataWindow(source="test", fingerprint="", rows=1, target="y"),
            golden=(GoldenSample(sample, golden),),
            libraries=installed_libraries(),
            created_at=datetime.now(UTC),
            created_by="test",
        )
        key = load_private_key(self.settings.keys, "packages")
        return sign_package(manifest, payload.getvalue(), key)

    def store_version(self, version: str, answer: float) -> str:
        package = self.package(version, answer)
        self.store.put(MODEL, version, package)
        return package.digest

    def deploy(
        self,
        version: str,
        digest: str,
        sequence: int,
        key: Ed25519PrivateKey | None = None,
        environment: str | None = None,
    ) -> None:
        deployment = Deployment(
            environment=environment or self.settings.environment,
            model=MODEL,
            sequence=sequence,
            champion=DeployedVersion(version, digest),
            author="test",
            reason="test",
            created_at=datetime.now(UTC),
        )
        key = key or load_private_key(self.settings.keys, "deployments")
        self.send_control(seal(msgspec.json.encode(deployment), PAYLOAD_TYPE, key))

    def publish(self, version: str, answer: float, sequence: int) -> None:
        self.deploy(version, self.store_version(version, answer), sequence)

    def send_control(self, value: bytes) -> None:
        self._producer.produce(self.topics.model_control.name, value, MODEL)
        self._producer.flush()

    # What upstream systems do.

    def send(self, *values: bytes, partition: int | None = None, **options: Any) -> None:
        producer = ck.Producer(
            {
                "bootstrap.servers": self.settings.kafka,
                "message.max.bytes": 8 * 1024 * 1024,
                **options,
            }
        )
        for number, value in enumerate(values):
            where = number % self.settings.partitions if partition is None else partition
            producer.produce(self.topics.features.name, value, f"n{number}", where)
        assert producer.flush(60) == 0

    def events(self, count: int, first: int = 0) -> list[bytes]:
        return [self.event(event_id=f"e{n}") for n in range(first, first + count)]

    def event(self, **changes: Any) -> bytes:
        body = {
            "event_id": "e",
            "entity_id": "n",
            "occurred_at": time.time(),
            "model": MODEL,
            "features": {"size": 3, "weight": 1.5},
        }
        return msgspec.json.encode(body | changes)

    # What consumers see.

    def records(self, topic: str) -> list[ck.Message]:
        consumer = ck.Consumer(
            {
                "bootstrap.servers": self.settings.kafka,
                "group.id": "independent-reader",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
            }
        )
        try:
            partitions = consumer.list_topics(topic, 30).topics[topic].partitions
            consumer.assign([ck.TopicPartition(topic, number, 0) for number in partitions])
            found, ended = [], set()
            while len(ended) < len(partitions):
                for message in consumer.consume(1000, 0.1):
                    if message.error() is None:
                        found.append(message)
                    elif message.error().code() == ck.KafkaError._PARTITION_EOF:
                        ended.add(message.partition())
            return found
        finally:
            consumer.close()

    def predictions(self) -> list[Prediction]:
        return [
            msgspec.json.decode(record.value() or b"", type=Prediction)
            for record in self.records(self.topics.predictions.name)
        ]

    def dead_letters(self) -> list[tuple[DeadLetter, bytes]]:
        return [
            (from_headers(record.headers() or []), record.value() or b"")  # type: ignore[arg-type]
            for record in self.records(self.topics.dead_letters.name)
        ]

    def model_events(self, kind: str) -> list[ModelEvent]:
        events = [
            msgspec.json.decode(record.value() or b"", type=ModelEvent)
            for record in self.records(self.topics.model_events.name)
        ]
        return [event for event in events if event.event == kind]

    def wait_for_predictions(self, count: int) -> list[Prediction]:
        """Wait until so many different events have a prediction."""

        def enough() -> list[Prediction] | None:
            found = self.predictions()
            return found if len(coordinates(found)) >= count else None

        found: list[Prediction] = self.wait_for(enough, f"{count} predictions")
        return found

    def wait_until_served(self, version: str) -> None:
        self.wait_for(
            lambda: any(e.version == version for e in self.model_events("swapped")),
            f"version {version} being served",
        )


def coordinates(predictions: Sequence[Prediction]) -> set[tuple[int, int]]:
    return {(p.source.partition, p.source.offset) for p in predictions}


def numbers(predictions: Sequence[Prediction]) -> list[float]:
    return [p.prediction.value for p in predictions]  # type: ignore[union-attr]


@pytest.fixture
def works(settings: Settings, running: ServiceProcesses) -> Works:
    return Works(settings, running)
