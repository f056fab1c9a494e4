"""Whether the consumer is a settled member of its group, by librdkafka's statistics (its
STATISTICS.md).

A consumer of librdkafka 2.16 that lost its partitions while a broker was frozen was seen to poll
for minutes without joining again: it had forgotten the broker, which answered every other client.
"""

import os
import sys
import time
from collections.abc import Callable

import msgspec
import structlog
from msgspec import Struct


class _Group(Struct):
    join_state: str = ""


class _Statistics(Struct):
    cgrp: _Group | None = None


_decode = msgspec.json.Decoder(_Statistics).decode


log = structlog.get_logger("kafka")

_UNSETTLED_SECONDS = 60.0
"""Longer than a rebalance takes unless another member is stuck."""


class Membership:
    """Counts the time in which Kafka answers and the group does not come to rest."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._settled_at = clock()

    def take(self, statistics: str, kafka_answers: bool) -> None:
        """Look at new statistics; whether Kafka answers is for another client to say."""
        found = _decode(statistics)
        steady = found.cgrp is not None and found.cgrp.join_state == "steady"
        if steady or not kafka_answers:
            self._settled_at = self._clock()

    @property
    def unsettled_seconds(self) -> float:
        """For how long it has been no settled member while Kafka answered."""
        return self._clock() - self._settled_at

    def start_over_if_left_out(self) -> None:
        """Begin anew if the group does not take this process back."""
        unsettled = self.unsettled_seconds
        if unsettled > _UNSETTLED_SECONDS:
            log.error(
                "Kafka answers, but this process is no member of its group; it starts over",
                for_seconds=round(unsettled, 1),
            )
            _start_over()


def _start_over() -> None:
    """Begin anew as the same process, with nothing of what it was but its command line."""
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
