"""What the hot path costs, counted instead of timed: the same on any machine, however busy.

The limits are what was counted when they were set, and a sixth more. Whoever makes the path
heavier on purpose sets them anew, beside a figure of `make bench` that says why.
"""

import sys
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime
from types import FrameType
from typing import Any

import msgspec
import numpy as np
import pytest
from confluent_kafka import Message

from contracts.deployments import DeployedVersion, Deployment
from contracts.events import FeatureEvent, ModelRef
from contracts.feature_schema import Feature, FeatureSchema
from contracts.kafka_reading import read_batch
from contracts.operating.health import Health
from contracts.operating.metrics import ServiceMetrics
from contracts.scorer import Scorer
from stream_workers.decoding import Limits
from stream_workers.delivery import hand_over
from stream_workers.metrics import WorkerMetrics
from stream_workers.outputs import Destinations, OutputWriter
from stream_workers.records import from_message
from stream_workers.scoring import BatchScorer
from stream_workers.serving import LoadedVersion, ServedModel, Serving

EVENTS = 1000
FEATURES = 10
DAY = 86_400.0

INSTRUCTIONS = 450
"""Of Python's virtual machine, for each event: 389, where it had been 709 before it was tuned."""
CALLS = 31
"""Of functions, in Python and in C, for each event: 26, where it had been 63."""
PEAK_BYTES = 2_500
"""Of memory while a batch is under way, for each event: 2,130, where it had been 2,630."""


class Model:
    """Two classes, without any cost that belongs to a library."""

    def __init__(self) -> None:
        self.calls = 0

    def predict(self, inputs: Any) -> Any:
        raise AssertionError("a classifier with probabilities is asked for them")

    def predict_proba(self, inputs: Any) -> Any:
        self.calls += 1
        return np.full((len(inputs), 2), 0.5)


class Kafka:
    """Gives the events, takes the outputs: what of a client the hot path sees."""

    def __init__(self, messages: list[Message]) -> None:
        self._messages = messages
        self.produced: list[Any] = []

    def poll(self, seconds: float) -> Message:
        return self._messages.pop()

    def consume(self, count: int, seconds: float) -> list[Message]:
        taken, self._messages = self._messages[:count], self._messages[count:]
        return taken

    def produce(self, *record: Any) -> None:
        self.produced.append(record)


def messages(schema: FeatureSchema) -> list[Message]:
    now = time.time()
    return [
        Message(
            topic="features",
            partition=number % 4,
            offset=number // 4,
            key=b"entity",
            value=msgspec.json.encode(
                FeatureEvent(
                    event_id=f"event-{number}",
                    entity_id="entity",
                    occurred_at=now,
                    model="model",
                    features=dict.fromkeys(schema.names, number / 7),
                )
            ),
            headers=[],
            timestamp=(1, int(now * 1000)),
        )
        for number in range(EVENTS)
    ]


class HotPath:
    """Everything between the client that reads and the client that produces."""

    def __init__(self) -> None:
        schema = FeatureSchema(tuple(Feature(f"f{n}", "numeric") for n in range(FEATURES)))
        self.model = Model()
        self.given = messages(schema)
        scorer = Scorer("classification", schema, self.model, ("false", "true"))
        deployment = Deployment(
            environment="test",
            model="model",
            sequence=1,
            champion=DeployedVersion("1", "0" * 64),
            author="a",
            reason="r",
            created_at=datetime.now(UTC),
        )
        champion = LoadedVersion(ModelRef("model", "1", "champion"), "0" * 64, scorer)
        self.serving = Serving({"model": ServedModel(deployment, champion)})
        metrics = WorkerMetrics(ServiceMetrics("worker", "member", Health()))
        writer = OutputWriter(
            "member", Destinations("predictions", "shadow", "dead", "waiting"), 1 << 20
        )
        self.scorer = BatchScorer(writer, Limits(1 << 20, DAY, DAY), {}, observers=[metrics])

    def batch(self) -> Kafka:
        """Take one batch all the way."""
        kafka: Any = Kafka(list(self.given))
        records = [from_message(message) for message in read_batch(kafka, EVENTS, 0.0)]
        hand_over(kafka, self.scorer.score(records, self.serving))
        return kafka  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def path() -> HotPath:
    """A hot path that has seen a batch: what is made once is made."""
    path = HotPath()
    assert len(path.batch().produced) == EVENTS
    return path


def test_a_batch_is_one_call_of_the_model(path: HotPath) -> None:
    before = path.model.calls
    assert len(path.batch().produced) == EVENTS
    assert path.model.calls == before + 1


def test_an_event_costs_few_instructions(path: HotPath) -> None:
    counted = 0

    def count(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal counted
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        counted += event == "opcode"
        return count

    def run() -> None:
        path.batch()

    watched(sys.settrace, sys.gettrace, count, run)
    assert 0 < counted / EVENTS <= INSTRUCTIONS


def test_an_event_costs_few_calls(path: HotPath) -> None:
    counted = 0

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    def run() -> None:
        path.batch()

    watched(sys.setprofile, sys.getprofile, count, run)
    assert 0 < counted / EVENTS <= CALLS


def test_a_batch_needs_little_memory(path: HotPath) -> None:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        path.batch()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0 < (peak - before) / EVENTS <= PEAK_BYTES


def watched(
    put: Callable[[Any], None], get: Callable[[], Any], watch: Any, run: Callable[[], None]
) -> None:
    """Run with something that Python tells of every step; what was told before is told again."""
    previous = get()
    put(watch)
    try:
        run()
    finally:
        put(previous)
