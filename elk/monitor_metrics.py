"""What operators see of a monitor."""

import time
from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import Metric

from contracts.kafka_reading import Partition
from contracts.operating.asked import Asked, gauge, reading
from contracts.operating.health import Condition, Health, recent
from contracts.operating.metrics import ServiceMetrics
from contracts.settings import Settings
from elk.health import ElasticsearchProbe

SERVICE = "monitor"
_STUCK_SECONDS = 1800.0
"""Longer than any batch or window takes."""


class MonitorMetrics:
    """Counts what the monitor does, and answers from other threads."""

    def __init__(self, metrics: ServiceMetrics) -> None:
        self._metrics = metrics
        self._written = metrics.counter(
            "millrace_monitor_documents", "Documents written by the monitor", ("step",)
        )
        self._failures = metrics.counter(
            "millrace_monitor_failures", "Steps that failed and are tried again", ("step",)
        )
        self._left: Mapping[Partition, int] = {}
        self._round_seconds = 0.0
        self.failure: str | None = "the first round is under way"
        self.went_on = time.monotonic()
        metrics.registry.register(Asked(self._ask))

    def joined(self, records: int, left: Mapping[Partition, int]) -> None:
        """Note a batch of records that was joined, and how many offsets are left."""
        if records:
            self._metrics.batch(records)
        self._left, self.went_on = left, time.monotonic()

    def step(self, step: str, *, failed: bool, counts: Mapping[str, int]) -> None:
        """Note a step that is through."""
        self._failures.labels(SERVICE, step).inc(failed)
        self._written.labels(SERVICE, step).inc(sum(counts.values()))
        self.went_on = time.monotonic()

    def round(self, seconds: float, failure: str | None) -> None:
        """Note a round that is through, and the first thing that failed in it."""
        self._round_seconds, self.failure = seconds, failure
        self.went_on = time.monotonic()

    def _ask(self) -> Iterator[Metric]:
        yield from reading(SERVICE, len(self._left), self._left)
        yield gauge(
            SERVICE,
            "millrace_monitor_round_seconds",
            "Time of the newest round",
            self._round_seconds,
        )


def watch_monitor(health: Health, settings: Settings, metrics: MonitorMetrics) -> None:
    """Ready: Elasticsearch answers, and nothing failed in the newest round. Alive: it goes on."""

    def newest_round() -> Condition:
        return Condition(metrics.failure is None, metrics.failure or "nothing failed")

    most = _STUCK_SECONDS + settings.monitor_interval_seconds
    health.ready_while("elasticsearch", ElasticsearchProbe(settings).condition)
    health.ready_while("round", newest_round)
    health.alive_while("rounds", lambda: recent(metrics.went_on, most))
