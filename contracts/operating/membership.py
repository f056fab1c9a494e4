"""Whether the consumer is a settled member of its group and reads all it was given, by librdkafka's
statistics (its STATISTICS.md).

A consumer of librdkafka 2.16 that lost its partitions while a broker was frozen was seen to poll
for minutes without joining again: it had forgotten the broker, which answered every other client.
Another was given partitions and never began to read them: where Kafka refuses to tell it their
committed positions, it does not ask again (https://github.com/confluentinc/librdkafka/issues/5586).
"""

import os
import sys
import time
from collections.abc import Callable

import msgspec
import structlog
from msgspec import Struct

log = structlog.get_logger("kafka")

_UNSETTLED_SECONDS = 60.0
"""Longer than a rebalance takes unless another member is stuck."""
_NOT_BEGUN = ("none", "stopping", "stopped")


class _Group(Struct):
    join_state: str = ""
    assignment_size: int = 0


class _Partition(Struct):
    fetch_state: str = "none"


class _Topic(Struct):
    partitions: dict[str, _Partition] = {}


class _Statistics(Struct):
    cgrp: _Group | None = None
    topics: dict[str, _Topic] = {}

    @property
    def settled(self) -> bool:
        if self.cgrp is None or self.cgrp.join_state != "steady":
            return False
        partitions = (p for topic in self.topics.values() for p in topic.partitions.values())
        begun = sum(partition.fetch_state not in _NOT_BEGUN for partition in partitions)
        return begun >= self.cgrp.assignment_size


_decode = msgspec.json.Decoder(_Statistics).decode


class Membership:
    """Counts the time in which Kafka answers and this process does not get to its work."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._settled_at = clock()

    def take(self, statistics: str, kafka_answers: bool) -> None:
        """Look at new statistics; whether Kafka answers is for another client to say."""
        if not kafka_answers or _decode(statistics).settled:
            self._settled_at = self._clock()

    @property
    def unsettled_seconds(self) -> float:
        """For how long it has been no settled member, or has not begun to read, while Kafka
        answered."""
        return self._clock() - self._settled_at

    def start_over_if_left_out(self) -> None:
        """Begin anew if the group does not take this process back, or gave it what it does not
        begin to read."""
        unsettled = self.unsettled_seconds
        if unsettled > _UNSETTLED_SECONDS:
            log.error(
                "Kafka answers, but this process is no settled member of its group; it starts over",
                for_seconds=round(unsettled, 1),
            )
            _start_over()


def _start_over() -> None:
    """Begin anew as the same process, with nothing of what it was but its command line."""
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
