"""A worker and an indexer on real servers, shared by the tests of a module; each test has models
of its own, so that their letters do not meet."""

import io
import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import confluent_kafka as ck
import joblib
import msgspec
import numpy as np
import pytest
from elasticsearch import Elasticsearch
from leftovers import delete_documents
from real_stack import RealStack
from service_processes import ServiceProcesses
from sklearn.dummy import DummyRegressor
from typer.testing import CliRunner
from waiting import wait_until

from cli.main import app
from contracts.dead_letters import DeadLetter, to_headers
from contracts.deployments import PAYLOAD_TYPE, DeployedVersion, Deployment
from contracts.errors import UnreachableError
from contracts.events import Latency, ModelRef, Prediction, Regression, Source
from contracts.feature_schema import Feature, FeatureSchema
from contracts.kafka import create_topics, topic_ids
from contracts.keys import generate_keys, load_private_key
from contracts.model_store import ModelStore
from contracts.package_loading import installed_libraries
from contracts.packages import DataWindow, GoldenSample, Manifest, Payload, sha256, sign_package
from contracts.replays import replay_mark
from contracts.scorer import Scorer
from contracts.settings import Settings, load_settings
from contracts.signatures import seal
from contracts.topics import Topics

PATIENCE_SECONDS = 120.0
SCHEMA = FeatureSchema((Feature("size", "numeric"),))


class Site:
    """A running system as producers, engineers and operators see it."""

    def __init__(self, settings: Settings, services: ServiceProcesses) -> None:
        self.settings = settings
        self.services = services
        self.topics = Topics(settings)
        create_topics(settings)
        generate_keys(settings.keys)
        self.search = Elasticsearch(settings.elasticsearch_url)
        self._producer = ck.Producer({"bootstrap.servers": settings.kafka})
        features = self.topics.features.name
        self._features_id = topic_ids(settings, [features])[features]
        self._set_aside = 0

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        def met() -> Any:
            for service in self.services.started:
                ended = service.process.poll()
                assert ended is None, f"{service.name} ended with {ended}:\n{service.output}"
            try:
                return condition()
            except UnreachableError:  # 503: an index is just being created
                return None

        return wait_until(met, PATIENCE_SECONDS, what)

    def close(self) -> None:
        """Let go of the servers, which end before the interpreter does."""
        self.search.close()
        del self._producer

    # What engineers do.

    def publish(self, model: str) -> None:
        """Deploy a model that answers 7 to everything, and wait until it is served."""
        estimator = DummyRegressor(strategy="constant", constant=7.0)
        estimator.fit(np.zeros((1, 1)), [0.0])
        payload = io.BytesIO()
        joblib.dump(estimator, payload)
        sample: dict[str, Any] = {"size": 1.0}
        [golden] = Scorer("regression", SCHEMA, estimator).predict(SCHEMA.columns([sample]))
        assert golden is not None
        content = payload.getvalue()
        now = datetime.now(UTC)
        manifest = Manifest(
            environment=self.settings.environment,
            model=model,
            version="1",
            task="regression",
            schema=SCHEMA,
            payload=Payload("joblib", sha256(content), len(content)),
            estimator="DummyRegressor",
            data=DataWindow(source="test", fingerprint="", rows=1, target="y"),
            golden=(GoldenSample(sample, golden),),
            libraries=installed_libraries(),
            created_at=now,
            created_by="test",
        )
        package = sign_package(manifest, content, self._key("packages"))
        ModelStore(self.settings.store_url).put(model, "1", package)
        deployment = Deployment(
            environment=self.settings.environment,
            model=model,
            sequence=1,
            champion=DeployedVersion("1", package.digest),
            author="test",
            reason="test",
            created_at=now,
        )
        sealed = seal(msgspec.json.encode(deployment), PAYLOAD_TYPE, self._key("deployments"))
        self._producer.produce(self.topics.model_control.name, sealed, model)
        self._producer.flush()
        self.wait(
            lambda: any(
                json.loads(record.value())["model"] == model
                and json.loads(record.value())["event"] == "swapped"
                for record in self.records(self.topics.model_events.name)
            ),
            f"{model} being served",
        )

    def _key(self, kind: Any) -> Any:
        return load_private_key(self.settings.keys, kind)

    # What upstream systems do.

    def send(self, model: str, count: int = 1, *, headers: Any = (), **changes: Any) -> None:
        """Events `<model>-0` to `<model>-<count - 1>`, over all partitions."""
        for number in range(count):
            event = {
                "event_id": f"{model}-{number}",
                "entity_id": "n",
                "occurred_at": time.time(),
                "model": model,
                "features": {"size": 3},
            }
            self.send_bytes(json.dumps(event | changes).encode(), number, headers)
        assert self._producer.flush(60) == 0

    def send_bytes(self, value: bytes, number: int = 0, headers: Any = ()) -> None:
        topic, partition = self.topics.features.name, number % self.settings.partitions
        self._producer.produce(topic, value, b"n", partition, headers=list(headers))
        self._producer.flush()

    # What workers do, where none runs.

    def set_aside(self, model: str, count: int) -> None:
        """Dead letters of events that were never on their topic."""
        now = datetime.now(UTC)
        features = self.topics.features.name
        for number in range(count):
            self._set_aside += 1
            letter = DeadLetter(
                stage="worker",
                reason="unknown_model",
                detail=f"no model '{model}' is deployed",
                source=Source(features, self._features_id, number % 2, self._set_aside),
                sent_at=now,
                failed_at=now,
                member="test",
                model=model,
                event_id=f"{model}-{number}",
            )
            self._producer.produce(
                self.topics.dead_letters.name,
                json.dumps({"event_id": letter.event_id, "model": model}).encode(),
                b"n",
                number % 2,
                headers=cast(Any, to_headers(letter, None)),
            )
        assert self._producer.flush(60) == 0

    def predict_replayed(self, model: str) -> None:
        """A prediction of every event of a model that was replayed, with the mark passed on."""
        now = datetime.now(UTC)
        for record in self.records(self.topics.features.name):
            event = json.loads(record.value() or b"")
            if event["model"] != model:
                continue
            place = (record.topic(), self._features_id, record.partition(), record.offset())
            prediction = Prediction(
                event_id=event["event_id"],
                entity_id="n",
                occurred_at=now,
                predicted_at=now,
                model=ModelRef(model, "1", "champion"),
                prediction=Regression(7.0),
                latency=Latency(1, 2, 3, 4),
                source=Source(*cast(Any, place)),
                worker="test",
            )
            self._producer.produce(
                self.topics.predictions.name,
                msgspec.json.encode(prediction),
                headers=record.headers(),
            )
        assert self._producer.flush(60) == 0

    # What operators do.

    def millrace(self, *arguments: str) -> dict[str, Any]:
        """`millrace dead-letters … --json`, in this process."""
        done = CliRunner().invoke(app, ["dead-letters", *arguments, "--json"])
        assert done.exit_code in (0, 1), done.output
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return {"exit": done.exit_code, **json.loads(done.stdout.splitlines()[-1])}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """The same as a process."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli", "dead-letters", *arguments, "--json"],
            cwd=self.settings.project_dir,
            env=self.services.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def letters(self, model: str, limit: int = 10_000) -> list[dict[str, Any]]:
        self.search.indices.refresh(index=f"{self.settings.index_prefix}-*")
        found = self.millrace("list", "--model", model, "--letters", "--limit", str(limit))
        return list(found["letters"])

    def wait_for_letters(self, model: str, count: int) -> list[dict[str, Any]]:
        def enough() -> list[dict[str, Any]] | None:
            found = self.letters(model)
            return found if len(found) >= count else None

        found: list[dict[str, Any]] = self.wait(enough, f"{count} letters of {model}")
        return found

    def states(self, model: str) -> Counter[str]:
        """How many letters of a model are in each state that has any."""
        self.search.indices.refresh(index=f"{self.settings.index_prefix}-*")
        groups = self.millrace("list", "--model", model)["groups"]
        states: Counter[str] = Counter()
        for group in groups:
            states.update(group["states"])
        return +states

    def wait_for_states(self, model: str, **expected: int) -> None:
        self.wait(lambda: self.states(model) == expected, f"{expected} of {model}")

    # What is in Kafka and in Elasticsearch.

    def records(self, topic: str) -> list[ck.Message]:
        """All records of a topic that can be read now."""
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

    def replayed(self) -> Counter[str]:
        """Letter id -> how often its record is on the topic of events."""
        marks = [replay_mark(r.headers()) for r in self.records(self.topics.features.name)]
        return Counter(mark.letter for mark in marks if mark is not None)

    def predictions(self, model: str) -> list[dict[str, Any]]:
        index = f"{self.settings.index_prefix}-predictions-{model}-*"
        self.search.indices.refresh(index=index)
        found = self.search.options(ignore_status=503).search(index=index, size=10_000)
        return [hit["_source"] for hit in found.get("hits", {}).get("hits", [])]


@contextmanager
def running_site(stack: RealStack, folder: Path, *modules: str) -> Iterator[Site]:
    """A system of its own with these services; its settings are in the environment meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MILLRACE_")]:
            patch.delenv(name)
        unique = uuid.uuid4().hex[:12]
        settings = load_settings(
            project_dir=folder,
            bootstrap_servers=stack.bootstrap_servers,
            elasticsearch=stack.elasticsearch,
            topic_prefix=f"t{unique}.",
            index_prefix=f"t{unique}",
            partitions=2,
        )
        services = ServiceProcesses(settings, folder)
        for name, value in services.environment.items():
            if name.startswith("MILLRACE_"):
                patch.setenv(name, value)
        site = Site(settings, services)
        try:
            for module in modules:
                services.start(module)
            yield site
        finally:
            services.end()
            site.close()
            delete_documents(settings)


@pytest.fixture(scope="module")
def site(stack: RealStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with running_site(stack, tmp_path_factory.mktemp("site"), "stream_workers", "elk") as site:
        yield site


@pytest.fixture(scope="module")
def quiet_site(stack: RealStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Without a worker."""
    with running_site(stack, tmp_path_factory.mktemp("site"), "elk") as site:
        yield site
