"""Reading a stretch of one partition, without a consumer group."""

import time
from collections.abc import Iterator
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from contracts.consumers import python_consumer
from contracts.errors import UnreachableError
from contracts.settings import Settings

_POLL_MS = 500
_SILENCE_SECONDS = 30.0


def records_from(
    settings: Settings, partition: TopicPartition, start: int
) -> tuple[int, Iterator[Any]]:
    """The first offset that a partition has, and its records from `start` to its present end.

    Raises:
        UnreachableError: Kafka does not answer; also while iterating.
    """
    consumer = lone_consumer(settings)
    first = consumer.beginning_offsets([partition])[partition]
    end = consumer.end_offsets([partition])[partition]

    def records() -> Iterator[Any]:
        try:
            reading = Reading(consumer, partition, max(first, start))
            while reading.position < end:
                yield from reading.poll()
        except KafkaError as error:
            raise UnreachableError(f"Kafka at {settings.kafka} refused: {error}") from error
        finally:
            consumer.close(autocommit=False)

    return first, records()


class Reading:
    """Where a consumer is in one partition; it must not hear nothing for ever."""

    def __init__(self, consumer: Any, partition: TopicPartition, start: int) -> None:
        consumer.assign([partition])
        self._consumer, self._partition = consumer, partition
        self._moved = time.monotonic()
        # A consumer that had this partition before would go on where it was.
        self.seek(start)

    def seek(self, offset: int) -> None:
        """Go on from another offset."""
        self._consumer.seek(self._partition, offset)
        self.position: int = offset

    def poll(self) -> list[Any]:
        """The next records; none if there are none now.

        Raises:
            UnreachableError: nothing came for a long time.
        """
        records: list[Any] = self._consumer.poll(timeout_ms=_POLL_MS).get(self._partition, [])
        # Control records and aborted ones move the position without being seen.
        position = self._consumer.position(self._partition)
        if position != self.position:
            self.position, self._moved = position, time.monotonic()
        elif time.monotonic() - self._moved > _SILENCE_SECONDS:
            raise UnreachableError(
                f"Kafka gave nothing of {self._partition.topic} for {_SILENCE_SECONDS:g} s"
            )
        return records


def lone_consumer(settings: Settings) -> Any:
    """A consumer without a group: it reads what it is told to, and commits nothing.

    Raises:
        UnreachableError: Kafka does not answer.
    """
    try:
        return python_consumer(settings, isolation_level="read_committed")
    except KafkaError as error:
        raise UnreachableError(f"Kafka at {settings.kafka} does not answer: {error}") from error
