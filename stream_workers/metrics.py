"""What a worker counts, once per batch, and what it tells of itself when asked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol, get_args

import msgspec
from msgspec import Struct
from prometheus_client import Histogram
from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from contracts.events import ModelRef
from contracts.kafka_reading import Partition
from contracts.model_events import ModelEventKind
from contracts.operating.asked import Asked, counter, gauge, reading, retries
from contracts.operating.metrics import LABELS, ServiceMetrics
from stream_workers.outputs import Row, Timing
from stream_workers.serving import Serving

SERVICE = "worker"
_INFERENCE_SECONDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 30)


class Reads(Protocol):
    """What is asked of the lane, from other threads."""

    assignment: frozenset[Partition]
    lags: dict[Partition, int]
    rebalances: int
    read_again: int

    @property
    def unfinished_seconds(self) -> float:
        """For how long the oldest batch waits for Kafka."""


class WorkerMetrics:
    """An observer of scoring; also tells about the lane and the models being served."""

    def __init__(self, metrics: ServiceMetrics) -> None:
        self._metrics = metrics
        self._predictions = metrics.counter(
            "millrace_predictions", "Predictions made", ("model", "version", "role")
        )
        self._inference = Histogram(
            "millrace_inference_seconds",
            "Duration of one predict call",
            LABELS,
            buckets=_INFERENCE_SECONDS,
            registry=metrics.registry,
        ).labels(SERVICE)
        self._explanations = metrics.counter(
            "millrace_explanations",
            "Predictions that were to be explained, by what came of it",
            ("model", "version", "outcome"),
        )
        self._explaining_seconds = metrics.counter(
            "millrace_explaining_seconds", "Time that predictions waited for explanations"
        ).labels(SERVICE)
        self._changes = metrics.counter(
            "millrace_model_changes", "Steps of deployments, by what came of them", ("change",)
        )
        for change in get_args(ModelEventKind):
            self._changes.labels(SERVICE, change)
        self._fetched = 0

    # Told by scoring, once per batch.

    def taken(self, records: int) -> None:
        """A batch was read."""
        self._metrics.batch(records)

    def scored(self, model: ModelRef, rows: Sequence[Row], timing: Timing) -> None:
        """Rows were scored by one predict call."""
        self._predictions.labels(SERVICE, model.name, model.version, model.role).inc(len(rows))
        self._inference.observe(timing.inference_ms / 1000)
        if model.role != "shadow":
            self._metrics.done(timing.scored, timing.sent)

    def refused(self, reason: str) -> None:
        """A record became a dead letter."""
        self._metrics.dead_letter(reason)

    def explained(self, model: ModelRef, events: int, left_out: int, seconds: float) -> None:
        """Of a batch these were explained, and those were to be and are not."""
        for outcome, count in (("made", events), ("left_out", left_out)):
            self._explanations.labels(SERVICE, model.name, model.version, outcome).inc(count)
        self._explaining_seconds.inc(seconds)

    # Told by the control feed and by librdkafka.

    def model_changed(self, change: ModelEventKind) -> None:
        """A deployment went a step further, or no further."""
        self._changes.labels(SERVICE, change).inc()

    def consumer_statistics(self, statistics: str) -> None:
        """Take what librdkafka tells of its consumer now and then (its STATISTICS.md)."""
        topics = _statistics.decode(statistics).topics.values()
        self._fetched = sum(p.fetchq_cnt for t in topics for p in t.partitions.values())

    # Asked at each scrape.

    def ask(self, lane: Reads) -> None:
        """Tell about this lane from now on."""
        self._metrics.registry.register(Asked(lambda: self._of_lane(lane)))

    def ask_models(self, serving: "Serves") -> None:
        """Tell about what is served from now on."""
        self._metrics.registry.register(Asked(lambda: _of_models(serving.serving)))

    def _of_lane(self, lane: Reads) -> Iterator[Metric]:
        yield from reading(SERVICE, len(lane.assignment), lane.lags)
        yield gauge(SERVICE, "millrace_queue_records", "Fetched, not yet taken", self._fetched)
        yield gauge(
            SERVICE,
            "millrace_unfinished_seconds",
            "For how long Kafka has not taken the oldest batch",
            lane.unfinished_seconds,
        )
        yield counter(
            SERVICE, "millrace_rebalances", "Assignments and revocations", lane.rebalances
        )
        # The lane went back because Kafka had not taken what it produced.
        yield retries(SERVICE, "batches", lane.read_again)


class Serves(Protocol):
    """What is asked of the control feed."""

    serving: Serving


class _Partition(Struct):
    fetchq_cnt: int = 0


class _Topic(Struct):
    partitions: Mapping[str, _Partition]


class _Statistics(Struct):
    topics: Mapping[str, _Topic]


_statistics = msgspec.json.Decoder(_Statistics)


def _of_models(serving: Serving) -> Iterator[Metric]:
    versions = GaugeMetricFamily(
        "millrace_model_version_info",
        "Always 1; tells which versions are loaded",
        labels=(*LABELS, "model", "version", "role", "digest", "sequence"),
    )
    for served in serving.models.values():
        loaded = (served.champion, *([served.canary] if served.canary else []), *served.shadows)
        for one in loaded:
            ref, sequence = one.ref, str(served.deployment.sequence)
            versions.add_metric([SERVICE, ref.name, ref.version, ref.role, one.digest, sequence], 1)
    yield versions
    yield gauge(
        SERVICE,
        "millrace_models_unavailable",
        "Deployed models of which no version could be loaded",
        len(serving.unavailable),
    )
