"""An installation with everything in it: what producers and workers wrote, and the indexer."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import confluent_kafka as ck
import msgspec
import pytest
from elasticsearch import Elasticsearch
from real_stack import RealStack
from service_processes import ServiceProcesses, as_variables
from typer.testing import CliRunner
from waiting import wait_until

from cli.main import app
from contracts.dead_letters import DeadLetter, to_headers
from contracts.events import Label, Latency, ModelRef, Prediction, Regression, Source
from contracts.kafka import create_topics, topic_ids
from contracts.model_events import ModelEvent
from contracts.settings import Settings, load_settings
from contracts.topics import Topics

ENTITIES = tuple("abcdefgh")
PARTITIONS = 4
MODEL = "sizes"


class Installation:
    """Its topics as services write them, its documents as analysts see them, and the command.

    Events are not sent, only what workers make of them: event n has the offset n // 4 of partition
    n % 4, and belongs to entity n % 8.
    """

    def __init__(self, settings: Settings, running: ServiceProcesses) -> None:
        self.settings, self._running = settings, running
        self.topics = Topics(settings)
        create_topics(settings)
        ids = topic_ids(settings, [self.topics.features.name])
        self._features_id = ids[self.topics.features.name]
        self.elasticsearch = Elasticsearch(settings.elasticsearch_url)
        self._transactions = ck.Producer(
            {"bootstrap.servers": settings.kafka, "transactional.id": uuid.uuid4().hex}
        )
        self._transactions.init_transactions()
        self._producer = ck.Producer({"bootstrap.servers": settings.kafka})

    def start_indexer(self) -> None:
        self._indexer = self._running.start("elk", ["indexer"])

    def stop_indexer(self) -> None:
        assert self._indexer.stop() == 0

    def features(self, count: int) -> None:
        """Put events on their topic, so that it ends where the predictions say."""
        for n in range(count):
            self._producer.produce(self.topics.features.name, b"{}", ENTITIES[n % 8], n % 4)
        assert self._producer.flush(30) == 0

    def outcomes(self, first: int, last: int) -> None:
        """Predictions, shadows and labels of events, in transactions, as workers write them."""
        self._transactions.begin_transaction()
        for n in range(first, last):
            for role, version, topic in (
                ("champion", "1", self.topics.predictions.name),
                ("shadow", "2", self.topics.shadow_predictions.name),
            ):
                value = msgspec.json.encode(self.prediction(n, ModelRef(MODEL, version, role)))
                self._transactions.produce(topic, value, ENTITIES[n % 8], n % 4)
        self._transactions.commit_transaction()
        for n in range(first, last):
            self.label(n)
        assert self._producer.flush(30) == 0

    def label(self, n: int, value: bytes | None = None) -> None:
        label = Label(event_id=f"e{n}", model=MODEL, label=n % 2, occurred_at=_occurred(n))
        content = msgspec.json.encode(label) if value is None else value
        self._producer.produce(self.topics.labels.name, content, f"e{n}", n % 4)

    def prediction(self, n: int, model: ModelRef, **changes: Any) -> Prediction:
        fields: dict[str, Any] = {
            "event_id": f"e{n}",
            "entity_id": ENTITIES[n % 8],
            "occurred_at": _occurred(n),
            "predicted_at": datetime.now(UTC),
            "model": model,
            "prediction": Regression(float(n)),
            "latency": Latency(1, 1, 1, 1),
            "source": self._source(n),
            "worker": "w1",
            "features": None if model.role == "shadow" else {"size": 1.0},
        }
        return Prediction(**(fields | changes))

    def redeliver(self, n: int) -> None:
        """The prediction of an event once more, by the version that serves by now."""
        again = msgspec.json.encode(self.prediction(n, ModelRef(MODEL, "9", "champion")))
        self._producer.produce(self.topics.predictions.name, again, ENTITIES[n % 8], n % 4)
        assert self._producer.flush(30) == 0

    def refused(self, n: int) -> None:
        """A prediction that Elasticsearch refuses."""
        beyond = self.prediction(
            n, ModelRef(MODEL, "1", "champion"), latency=Latency(1e300, 1, 1, 1)
        )
        value = msgspec.json.encode(beyond)
        self._producer.produce(self.topics.predictions.name, value, ENTITIES[n % 8], n % 4)
        assert self._producer.flush(30) == 0

    def dead_letter(self, n: int, value: bytes = b"{") -> None:
        """A worker's dead letter of an event."""
        now = datetime.now(UTC)
        letter = DeadLetter(
            stage="worker",
            reason="malformed",
            detail="not JSON",
            source=self._source(n),
            sent_at=now,
            failed_at=now,
            member="w1",
        )
        headers: Any = to_headers(letter, [])
        self._producer.produce(
            self.topics.dead_letters.name, value, ENTITIES[n % 8], n % 4, headers=headers
        )
        assert self._producer.flush(30) == 0

    def model_event(self) -> None:
        event = ModelEvent(event="loaded", model=MODEL, at=datetime.now(UTC), member="w1")
        self._producer.produce(self.topics.model_events.name, msgspec.json.encode(event), MODEL)
        assert self._producer.flush(30) == 0

    def count(self, kind: str, **term: str) -> int:
        """How many documents of a kind there are, with a value in a field: `entity="a"`."""
        index = f"{self.settings.index_prefix}-{kind}-*"
        self.elasticsearch.indices.refresh(index=index)
        query = {"term": {f"{name}.id": value for name, value in term.items()}} if term else None
        return int(self.elasticsearch.count(index=index, query=query)["count"])

    def wait_for(self, **counts: int) -> None:
        """Wait until there are so many documents: `predictions=8, dead_letters=1`."""
        wanted = {kind.replace("_", "-"): count for kind, count in counts.items()}

        def found() -> dict[str, int]:
            return {kind: self._count_leniently(kind) for kind in wanted}

        wait_until(lambda: found() == wanted, 90, lambda: f"{wanted}, but {found()}")

    def _count_leniently(self, kind: str) -> int:
        lenient = self.elasticsearch.options(ignore_status=503)
        index = f"{self.settings.index_prefix}-{kind}-*"
        lenient.indices.refresh(index=index)
        return int(lenient.count(index=index).get("count", 0))

    def delete(self, kind: str, *ids: str) -> None:
        """Lose documents."""
        index = f"{self.settings.index_prefix}-{kind}-*"
        for hit in self.elasticsearch.search(index=index, query={"ids": {"values": ids}})["hits"][
            "hits"
        ]:
            self.elasticsearch.delete(index=hit["_index"], id=hit["_id"])

    def restore_by_hand(self, n: int) -> None:
        """Put the document of an event back, as somebody might who does not know better."""
        index = f"{self.settings.index_prefix}-predictions-{MODEL}-{_occurred(n):%Y.%m}"
        self.elasticsearch.index(
            index=index, id=self.serving_id(n), document={}, op_type="create", refresh=True
        )

    def serving_id(self, n: int) -> str:
        return f"{self._features_id}-{n % 4}-{n // 4}-serving"

    def command(self, *arguments: str, status: int = 0) -> dict[str, Any]:
        """Run `millrace documents … --json` and give what it says."""
        result = CliRunner().invoke(app, ["documents", *arguments, "--json"])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
        return found

    def _source(self, n: int) -> Source:
        return Source(self.topics.features.name, self._features_id, n % 4, n // 4)


def _occurred(n: int) -> datetime:
    return datetime(2026, 1, 30, tzinfo=UTC) + timedelta(hours=n)


@pytest.fixture(scope="module")
def installation(
    stack: RealStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installation]:
    """One for all tests of a module, each of which leaves it as complete as it was."""
    unique = f"d{uuid.uuid4().hex[:12]}"
    folder = tmp_path_factory.mktemp("installation")
    with pytest.MonkeyPatch.context() as variables:
        settings = load_settings(
            project_dir=folder,
            bootstrap_servers=stack.bootstrap_servers,
            elasticsearch=stack.elasticsearch,
            topic_prefix=f"{unique}.",
            index_prefix=unique,
            partitions=PARTITIONS,
            snapshot_location=unique,
            commit_interval_seconds=0.1,
        )
        for name, value in as_variables(settings).items():
            variables.setenv(name, value)
        running = ServiceProcesses(settings, folder)
        yield Installation(settings, running)
        running.end()
