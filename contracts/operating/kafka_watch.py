"""Whether Kafka answers, from the statistics of a librdkafka client (its STATISTICS.md)."""

import time
from collections.abc import Callable, Mapping

import msgspec
import structlog
from msgspec import Struct

from contracts.operating.health import Condition

log = structlog.get_logger("kafka")

TOLD_AGAIN_SECONDS = 30.0
_SETTLING_SECONDS = 3.0
"""A client needs a moment to connect; idle connections are also dropped and made again."""


class _Broker(Struct):
    state: str
    nodeid: int


class _Statistics(Struct):
    brokers: Mapping[str, _Broker]


_statistics = msgspec.json.Decoder(_Statistics)


class KafkaWatch:
    """Tells the log, once and then now and again, that no broker answers, and when one does again.

    Args:
        where: the bootstrap servers, for the log.
        told: called with every change.
    """

    def __init__(
        self,
        where: str,
        told: Callable[[bool], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._where, self._told, self._clock = where, told, clock
        self._last_up = clock()
        self._down_since: float | None = None
        self._said_at = 0.0

    def take(self, statistics: str) -> None:
        """Look at new statistics; this is librdkafka's `stats_cb`."""
        brokers = _statistics.decode(statistics).brokers.values()
        now = self._clock()
        if any(broker.state == "UP" for broker in brokers):
            self._up(now)
        elif now - self._last_up > _SETTLING_SECONDS:
            self._down(now)

    def condition(self) -> Condition:
        """Whether Kafka answers, for readiness."""
        if self._down_since is None:
            return Condition(True, f"connected to {self._where}")
        seconds = self._clock() - self._down_since
        return Condition(False, f"no broker of {self._where} has answered for {seconds:.0f} s")

    def _up(self, now: float) -> None:
        self._last_up = now
        if self._down_since is not None:
            seconds = round(now - self._down_since, 1)
            log.warning("Kafka answers again", where=self._where, away_seconds=seconds)
        self._down_since = None
        self._told(True)

    def _down(self, now: float) -> None:
        if self._down_since is None:
            self._down_since, self._said_at = self._last_up, now - TOLD_AGAIN_SECONDS
            self._told(False)
        if now - self._said_at >= TOLD_AGAIN_SECONDS:
            self._said_at = now
            log.error(
                "Kafka does not answer",
                where=self._where,
                away_seconds=round(now - self._down_since, 1),
                doing="connecting again by itself; nothing is lost, positions stay where they are",
            )
