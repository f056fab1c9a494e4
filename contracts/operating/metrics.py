"""The metrics that all services share; each service adds its own to the same registry."""

import socket
from collections.abc import Sequence
from importlib.metadata import version
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from contracts.dead_letters import Reason
from contracts.operating.asked import Asked, readiness
from contracts.operating.health import Health
from contracts.operating.histograms import BATCH_RECORDS, LATENCY_SECONDS, BatchHistogram
from contracts.operating.process import ProcessCollector

LABELS = ("service",)


class ServiceMetrics:
    """Counters and histograms of one process, to be added to once per batch.

    Args:
        service: label of every metric here, beside Prometheus' own `job` and `instance`.
        member: what this process calls itself in messages and documents.
    """

    def __init__(self, service: str, member: str, health: Health) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        self.registry.register(ProcessCollector())
        self.registry.register(Asked(lambda: readiness(service, health)))
        info = Gauge(
            "millrace_service_info",
            "Always 1; tells who this is",
            ("service", "member", "version", "host"),
            registry=self.registry,
        )
        info.labels(service, member, version("millrace"), socket.gethostname()).set(1)
        self._records = self._counter("millrace_records", "Records taken from Kafka")
        self._dead_letters = self.counter(
            "millrace_dead_letters", "Records set aside, by reason", ("reason",)
        )
        for reason in get_args(Reason):
            # From the beginning at 0: Prometheus sees no increase in a series that begins at 1.
            self._dead_letters.labels(service, reason)
        self._kafka_up = Gauge(
            "millrace_kafka_up", "1 while a broker answers", LABELS, registry=self.registry
        ).labels(service)
        self._batches = Histogram(
            "millrace_batch_records",
            "Records per batch",
            LABELS,
            buckets=BATCH_RECORDS,
            registry=self.registry,
        ).labels(service)
        self._latency = BatchHistogram(
            "millrace_latency_seconds",
            "From the send time of a record until it is done with",
            service,
            LATENCY_SECONDS,
            self.registry,
        )

    def counter(self, name: str, documentation: str, labels: Sequence[str] = ()) -> Counter:
        """A counter of this service, with more labels after `service`."""
        return Counter(name, documentation, (*LABELS, *labels), registry=self.registry)

    def _counter(self, name: str, documentation: str) -> Counter:
        return self.counter(name, documentation).labels(self.service)

    def batch(self, records: int) -> None:
        """Note that a batch of records was taken."""
        self._records.inc(records)
        self._batches.observe(records)

    def done(self, now: float, sent_at: NDArray[np.float64]) -> None:
        """Note that records are done with.

        Args:
            now: seconds since 1970.
            sent_at: the send time of each, seconds since 1970.
        """
        if sent_at.size:
            # Another machine's clock may be ahead of ours.
            self._latency.observe(np.maximum(now - sent_at, 0.0))

    def dead_letter(self, reason: str, count: int = 1) -> None:
        """Note records that were set aside."""
        self._dead_letters.labels(self.service, reason).inc(count)

    def kafka_answers(self, answers: bool) -> None:
        """Note whether a broker is connected."""
        self._kafka_up.set(answers)
