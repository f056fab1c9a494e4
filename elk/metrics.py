"""What an indexer counts, once per batch, and what it tells of itself when asked."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from prometheus_client import Histogram
from prometheus_client.metrics_core import Metric

from contracts.kafka_reading import Partition
from contracts.operating.asked import Asked, gauge, reading, retries
from contracts.operating.metrics import LABELS, ServiceMetrics
from elk.batches import Batch
from elk.delivery import SetsAside
from elk.lanes import Deliver, Lanes
from elk.record import Record
from elk.records import Rejection

SERVICE = "indexer"
_BULK_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 300)


class Works(Protocol):
    """What is asked of the indexer, from other threads."""

    @property
    def assignment(self) -> frozenset[Partition]:
        """The partitions the group has given it."""

    @property
    def lags(self) -> dict[Partition, int]:
        """Records not read yet, of the partitions that are known."""

    @property
    def queued(self) -> int:
        """Records that are read and not yet handed to a lane."""


class IndexerMetrics:
    """Wraps what the lanes do with a batch, and tells about the rest when asked."""

    def __init__(self, metrics: ServiceMetrics) -> None:
        self._metrics = metrics
        self._documents = metrics.counter("millrace_documents", "Documents written")
        self._seconds = Histogram(
            "millrace_bulk_seconds",
            "From a batch's first bulk request to its last document, retries included",
            LABELS,
            buckets=_BULK_SECONDS,
            registry=metrics.registry,
        ).labels(SERVICE)

    def counted(self, deliver: Deliver) -> Deliver:
        """The same delivery of batches, counted."""

        def deliver_and_count(batch: Batch[Record]) -> tuple[int, int]:
            self._metrics.batch(len(batch))
            began = time.perf_counter()
            documents, dead_letters = deliver(batch)
            self._seconds.observe(time.perf_counter() - began)
            self._documents.labels(SERVICE).inc(documents)
            sent = np.array([record.timestamp for record in batch.records], dtype=np.float64)
            self._metrics.done(time.time(), sent / 1000)
            return documents, dead_letters

        return deliver_and_count

    def counting(self, sets_aside: SetsAside) -> SetsAside:
        """The same way of setting records aside, counted by reason."""
        return _Counted(sets_aside, self._metrics)

    def ask(self, works: Works, lanes: Lanes, retried: Callable[[], int]) -> None:
        """Tell about this indexer from now on.

        Args:
            retried: bulk requests that had to be repeated so far.
        """

        def metrics() -> Iterator[Metric]:
            yield from reading(SERVICE, len(works.assignment), works.lags)
            yield gauge(SERVICE, "millrace_queue_records", "Read, not yet sent", works.queued)
            yield gauge(SERVICE, "millrace_bulk_in_flight", "Bulk requests under way", lanes.busy)
            yield gauge(
                SERVICE,
                "millrace_unfinished_seconds",
                "For how long Elasticsearch has not taken the oldest batch",
                lanes.unfinished_seconds,
            )
            yield retries(SERVICE, "bulk requests", retried())

        self._metrics.registry.register(Asked(metrics))


class _Counted:
    def __init__(self, sets_aside: SetsAside, metrics: ServiceMetrics) -> None:
        self._sets_aside, self._metrics = sets_aside, metrics

    def send(self, rejected: Sequence[tuple[Record, Rejection]]) -> int:
        """Set aside, then count."""
        sent = self._sets_aside.send(rejected)
        for _, rejection in rejected:
            self._metrics.dead_letter(rejection.reason)
        return sent
