"""Reading the topics of the log from their first record to what is their end now.

No consumer group: nobody's position moves, and services may run meanwhile.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from kafka import TopicPartition
from kafka.errors import KafkaError
from msgspec import Struct

from contracts.consumers import python_consumer
from contracts.errors import ConfigurationError, UnreachableError
from contracts.kafka import describe_topics
from contracts.kafka_access import refusal
from contracts.kafka_reading import Partition
from contracts.settings import Settings

_POLL_MS = 500
_POLL_RECORDS = 5000
_SILENCE_SECONDS = 60.0


class Stretch(Struct, frozen=True):
    """What a partition holds: offsets `first` to `end`, exclusive; both may have gaps."""

    first: int
    end: int


class KafkaLog:
    """A consumer for all partitions of some topics, and the ids of these.

    Only committed records count; `end` is where Kafka lets a reader of those go.

    Args:
        names: topics; those that do not exist hold nothing.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not let us in, or does not allow that.
        ConfigurationError: none of the topics exists.
    """

    def __init__(self, settings: Settings, names: Sequence[str]) -> None:
        self._settings = settings
        facts = describe_topics(settings, names)
        if not facts:
            raise ConfigurationError(
                "Kafka has none of our topics: create them with 'millrace setup', or set "
                "MILLRACE_TOPIC_PREFIX to the right installation"
            )
        self.topic_ids: Mapping[str, str] = {name: topic.id for name, topic in facts.items()}
        self._partitions = [
            TopicPartition(name, number)
            for name, topic in facts.items()
            for number in range(topic.partitions)
        ]
        try:
            self._consumer: Any = python_consumer(
                settings,
                isolation_level="read_committed",
                max_poll_records=_POLL_RECORDS,
                fetch_max_bytes=16 * 1024 * 1024,
                max_partition_fetch_bytes=4 * 1024 * 1024,
            )
        except KafkaError as error:
            raise refusal(settings, error) from error

    def stretches(self, since: datetime | None = None) -> dict[Partition, Stretch]:
        """What each partition holds now, from its first record or from the first sent since."""
        try:
            first = self._consumer.beginning_offsets(self._partitions)
            end = self._consumer.end_offsets(self._partitions)
            if since is not None:
                milliseconds = int(since.timestamp() * 1000)
                later = self._consumer.offsets_for_times(
                    dict.fromkeys(self._partitions, milliseconds)
                )
                first = {p: later[p].offset if later[p] else end[p] for p in self._partitions}
        except KafkaError as error:
            raise refusal(self._settings, error) from error
        return {
            (p.topic, p.partition): Stretch(min(first[p], end[p]), end[p]) for p in self._partitions
        }

    def records(self, stretches: Mapping[Partition, Stretch]) -> Iterator[list[Any]]:
        """Their records, a few thousand at a time, those of a partition in order.

        Raises:
            UnreachableError: Kafka does not answer, or gives nothing for long.
        """
        left = {TopicPartition(*p): s.end for p, s in stretches.items() if s.first < s.end}
        heard = time.monotonic()
        try:
            self._consumer.assign(list(left))
            self._consumer.resume(*left)
            for partition in left:
                stretch = stretches[partition.topic, partition.partition]
                self._consumer.seek(partition, stretch.first)
            while left:
                polled = self._consumer.poll(timeout_ms=_POLL_MS)
                for partition, records in polled.items():
                    end = left.get(partition, 0)
                    if inside := [record for record in records if record.offset < end]:
                        yield inside
                # Markers of transactions move the position without being seen.
                ended = [p for p, end in left.items() if self._consumer.position(p) >= end]
                if ended:
                    self._consumer.pause(*ended)
                    left = {p: end for p, end in left.items() if p not in ended}
                if polled or ended:
                    heard = time.monotonic()
                elif time.monotonic() - heard > _SILENCE_SECONDS:
                    raise UnreachableError(
                        f"Kafka at {self._settings.kafka} gave nothing for {_SILENCE_SECONDS:g} s"
                    )
        except KafkaError as error:
            raise refusal(self._settings, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._consumer.close(autocommit=False, timeout_ms=1000)
