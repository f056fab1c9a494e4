"""Tells a service's figures, in a thread whose troubles are its own: on `service-stats` for
everybody, and in a file for those on this machine while Kafka is away."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import confluent_kafka
import msgspec
import structlog
from confluent_kafka import KafkaError, KafkaException

from contracts.kafka import librdkafka_settings
from contracts.operating.kafka_watch import KafkaWatch
from contracts.service_stats import ServiceStats
from contracts.settings import Settings
from contracts.topics import Topics

log = structlog.get_logger("service-stats")

_LOOK_SECONDS = 1.0


class StatsPublisher(threading.Thread):
    """Publishes every `MILLRACE_STATS_INTERVAL_SECONDS`; what Kafka does not take in that time
    is dropped, so that nothing piles up. Its connection also tells whether Kafka answers.

    Args:
        stats: gives the figures since it was last called.
    """

    def __init__(
        self,
        settings: Settings,
        member: str,
        watch: KafkaWatch,
        stats: Callable[[], ServiceStats],
    ) -> None:
        super().__init__(name="service-stats", daemon=True)
        self._topic = Topics(settings).service_stats.name
        self._file = stats_folder(settings) / f"{member}.json"
        self._interval = settings.stats_interval_seconds
        self._look = min(_LOOK_SECONDS, self._interval)
        self._stats = stats
        self._stopping = threading.Event()
        self._refused: str | None = None
        self._producer = confluent_kafka.Producer(
            {
                **librdkafka_settings(settings),
                "message.timeout.ms": max(1000, int(self._interval * 1000)),
                "socket.timeout.ms": 10_000,
                "queue.buffering.max.messages": 100,
                "statistics.interval.ms": int(self._look * 1000),
                "stats_cb": watch.take,
            }
        )

    def run(self) -> None:
        """Publish until stopped."""
        due = time.monotonic()
        while not self._stopping.wait(self._look):
            try:
                self._producer.poll(0)
                if time.monotonic() >= due:
                    due = time.monotonic() + self._interval
                    self._publish(self._stats())
            except Exception:  # figures are never worth the service
                log.exception("figures could not be told")

    def stop(self) -> None:
        """End; the last figures wait a second for Kafka at most."""
        self._stopping.set()
        if self.is_alive():
            self.join(2 * _LOOK_SECONDS)
        self._producer.flush(_LOOK_SECONDS)
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _publish(self, stats: ServiceStats) -> None:
        value = msgspec.json.encode(stats)
        _replace(self._file, value)
        try:
            self._producer.produce(self._topic, value, stats.member, on_delivery=self._delivered)
        except (BufferError, KafkaException) as error:
            self._note(str(error))

    def _delivered(self, error: KafkaError | None, _: object) -> None:
        self._note(None if error is None else error.str())

    def _note(self, refused: str | None) -> None:
        """Say once why, not every ten seconds."""
        if refused is not None and refused != self._refused:
            log.warning("figures were not taken; trying on", topic=self._topic, why=refused)
        self._refused = refused


def stats_folder(settings: Settings) -> Path:
    """Where the services of this machine leave their latest figures, one file each."""
    return settings.state_dir / "service-stats"


def _replace(path: Path, content: bytes) -> None:
    """Readers see the old file or the new one. Where nothing can be written, nothing is."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_bytes(content)
        new.replace(path)
