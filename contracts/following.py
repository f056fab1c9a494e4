"""Following a topic of one partition from its first record on, without a consumer group."""

import time
from collections.abc import Iterator
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from contracts.consumers import python_consumer
from contracts.errors import ConfigurationError, UnreachableError
from contracts.kafka import describe_topics
from contracts.kafka_access import refusal
from contracts.not_unpacked import NotUnpacked
from contracts.settings import Settings

_POLL_MS = 200
_ASK_MS = 5000
_PATIENCE_SECONDS = 30.0


class FollowedTopic:
    """Gives each record once, in the order of the log; for one thread.

    Of a batch that nobody should unpack there is one, whose value is `NotUnpacked`.

    Raises:
        ConfigurationError: Kafka has no such topic.
        UnreachableError: it does not answer.
        AccessError: it does not let us in, or does not allow us to read.
    """

    def __init__(self, settings: Settings, topic: str) -> None:
        self._settings = settings
        self._partition = TopicPartition(topic, 0)
        if topic not in describe_topics(settings, [topic]):
            raise ConfigurationError(
                f"Kafka at {settings.kafka} has no topic '{topic}': run 'millrace up' for a local "
                "stack, 'millrace setup' for any other"
            )
        try:
            self._consumer: Any = python_consumer(
                settings,
                # A transaction that somebody leaves open must not stop those who read.
                isolation_level="read_uncommitted",
            )
            self._consumer.assign([self._partition])
            self._consumer.seek_to_beginning(self._partition)
        except KafkaError as error:
            raise refusal(settings, error) from error
        self._position = 0

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close(autocommit=False, timeout_ms=1000)

    def new_values(self) -> Iterator[bytes]:
        """The values of what was written since the last call; as `new_records`."""
        return (record.value or b"" for record in self.new_records())

    def new_records(self) -> Iterator[Any]:
        """What was written since the last call, up to the end of this moment.

        Raises:
            UnreachableError, AccessError: as above; what was given then does not come again.
        """
        try:
            end = self._consumer.end_offsets([self._partition], timeout_ms=_ASK_MS)
            yield from self._read_to(end[self._partition])
        except KafkaError as error:
            raise refusal(self._settings, error) from error

    def _read_to(self, end: int) -> Iterator[Any]:
        heard = time.monotonic()
        while self._position < end:
            for record in self._consumer.poll(timeout_ms=_POLL_MS).get(self._partition, ()):
                yield record
                if isinstance(record.value, NotUnpacked):
                    self._consumer.seek(self._partition, record.value.last_offset + 1)
                    break
            before, self._position = self._position, self._consumer.position(self._partition)
            if self._position > before:
                heard = time.monotonic()
            elif time.monotonic() - heard > _PATIENCE_SECONDS:
                raise UnreachableError(f"Kafka gave nothing of {self._partition.topic} for long")
