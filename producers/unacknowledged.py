"""The records that Kafka has not acknowledged yet, in the order in which they were sent."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple, Protocol

from kafka.errors import KafkaError
from msgspec import Struct

from contracts.errors import DeliveryError


class Delivery(Struct, frozen=True):
    """What became of one record: where it stands in Kafka, or the error if it does not.

    Partition and offset are -1 with an error. A record that failed by timeout may
    nevertheless be on the topic.
    """

    topic: str
    partition: int
    offset: int
    error: DeliveryError | None = None


OnDelivery = Callable[[Delivery], None]


class RecordMetadata(Protocol):
    """What we need of kafka-python's class of this name."""

    partition: int
    offset: int


class SentRecord(Protocol):
    """What we need of kafka-python's `FutureRecordMetadata`."""

    is_done: bool
    value: RecordMetadata
    exception: Exception | None

    def get(self, timeout: float | None = None) -> RecordMetadata:
        """Wait for the acknowledgement."""


class _Entry(NamedTuple):
    sent_at: float
    record: SentRecord
    topic: str
    size: int
    on_delivery: OnDelivery | None


class Unacknowledged:
    """A bounded queue of sent records; reports each once it and all before it are decided.

    A queue that the sending thread looks through costs a fifth of two callbacks per record
    from the network thread, which also would fight over a lock.

    Args:
        max_records: from so many on, there is no room.
        max_bytes: from so many bytes of values on, neither.
    """

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._queue: deque[_Entry] = deque()
        self._bytes = 0
        self.failures = 0
        self.first_failure = ""

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def full(self) -> bool:
        """Whether the next record has to wait."""
        return len(self._queue) >= self._max_records or self._bytes >= self._max_bytes

    @property
    def oldest_age(self) -> float:
        """Seconds since the oldest undecided record was handed over; 0 if there is none."""
        return time.monotonic() - self._queue[0].sent_at if self._queue else 0.0

    @property
    def half_empty(self) -> bool:
        """Whether a blocked sender may go on; sooner would wake it for each single record."""
        return len(self._queue) <= self._max_records // 2 and self._bytes <= self._max_bytes // 2

    def add(
        self, record: SentRecord, topic: str, size: int, on_delivery: OnDelivery | None
    ) -> None:
        """Append a record of `size` bytes that was just handed over to be sent."""
        self._queue.append(_Entry(time.monotonic(), record, topic, size, on_delivery))
        self._bytes += size

    def report(self) -> None:
        """Report all records at the head of the queue that are decided."""
        queue = self._queue
        while queue and queue[0].record.is_done:
            entry = queue.popleft()
            self._bytes -= entry.size
            self._report(entry)

    def wait_for_room(self, timeout: float) -> bool:
        """Report what is decided until there is room; False if that took over `timeout` s."""
        return not self.full or self.wait(lambda: self.half_empty, timeout) or not self.full

    def wait(self, enough: Callable[[], bool], timeout: float) -> bool:
        """Report what is decided until `enough()`; False if it took longer than `timeout` s."""
        deadline = time.monotonic() + timeout
        self.report()
        while not enough():
            left = deadline - time.monotonic()
            if left <= 0 or not self._queue:
                return False
            # Either our own timeout, or the record's failure, which is reported next.
            with suppress(KafkaError):
                self._queue[0].record.get(left)
            self.report()
        return True

    def forget_failures(self) -> None:
        """Begin counting anew, after somebody was told."""
        self.failures, self.first_failure = 0, ""

    def _report(self, entry: _Entry) -> None:
        error = entry.record.exception
        if entry.on_delivery is None:
            if error is not None:
                self.failures += 1
                self.first_failure = self.first_failure or _sentence(error)
        elif error is None:
            metadata = entry.record.value
            entry.on_delivery(Delivery(entry.topic, metadata.partition, metadata.offset))
        else:
            entry.on_delivery(Delivery(entry.topic, -1, -1, DeliveryError(_sentence(error))))


def _sentence(error: Exception) -> str:
    return f"a record was not acknowledged: {error}"
