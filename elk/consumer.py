"""The indexer as a member of its consumer group, over librdkafka; for one thread."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import confluent_kafka
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from kafka.errors import KafkaError as BrokerError

from contracts.errors import MillraceError, UnreachableError
from contracts.kafka import consumer_group, librdkafka_settings
from contracts.kafka_access import forbidden
from contracts.kafka_reading import FORBIDDEN, Partition, known_lags
from contracts.refused_batches import records_from
from contracts.settings import Settings
from contracts.topics import MIB
from elk.consumed import Consumed, from_message

log = structlog.stdlib.get_logger("elk")

MAX_POLL_INTERVAL_MS = 300_000
METADATA_MAX_AGE_MS = 60_000
"""How soon the new partitions of a topic that grew are read."""
FEW_RECORDS = 50
"""Read at once, before the room for them is looked at: each may have 1 MiB and more."""
_LOOK_SECONDS = 0.1


class LogConsumer:
    """Reads the topics of the log.

    Args:
        finished: tells what to commit while the partitions that go to another are still ours.
        take_statistics: called with librdkafka's statistics now and then.

    Attributes:
        assignment: the partitions the group has given us.
        ends: partition -> offset where nothing more was found. The markers that end transactions
            are behind it: they are no records, so no position ever passes them.
        committed: partition -> offset that Kafka has acknowledged.
    """

    def __init__(
        self,
        settings: Settings,
        topics: Sequence[str],
        finished: Callable[[], Mapping[Partition, int]],
        take_statistics: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._finished = finished
        self._refused: Iterator[list[Any]] | None = None
        self._commit_failed: str | None = None
        self.assignment: frozenset[Partition] = frozenset()
        self.ends: dict[Partition, int] = {}
        self.committed: dict[Partition, int] = {}
        self._consumer = confluent_kafka.Consumer(
            {
                **consumer_settings(settings),
                "stats_cb": take_statistics,
                "on_commit": self._on_commit,
            }
        )
        self._consumer.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )

    def take(self, most_seconds: float) -> list[Consumed]:
        """A few records that have arrived; waits so long for a first one.

        Raises:
            AccessError: Kafka does not allow it.
            UnreachableError: it does not give what it has; trying again may help.
        """
        if self._refused is not None:
            return self._take_refused(self._refused)
        first = self._consumer.poll(most_seconds)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(FEW_RECORDS - 1, 0)]
        records = [from_message(message) for message in messages if message.error() is None]
        if len(records) < len(messages):
            for message in messages:
                if (error := message.error()) is not None:
                    self._note(message, error)
        return records

    def pause(self) -> None:
        """Give nothing until resumed; `take` then only keeps us in the group."""
        self._consumer.pause([TopicPartition(*p) for p in self.assignment])

    def resume(self) -> None:
        """Go on after a pause."""
        self._consumer.resume([TopicPartition(*p) for p in self.assignment])

    def lags(self) -> dict[Partition, int]:
        """Records not read yet, of the partitions that were fetched from at least once."""
        return known_lags(self._consumer, self.assignment, self.ends)

    def commit(self, offsets: Mapping[Partition, int]) -> str | None:
        """Ask Kafka to keep positions, without waiting; why the last time failed, if it did."""
        failure, self._commit_failed = self._commit_failed, None
        try:
            self._consumer.commit(offsets=_places(offsets), asynchronous=True)
        except KafkaException as error:
            return str(error.args[0].str())
        return failure

    def close(self, most_seconds: float) -> None:
        """Commit what is finished, waiting at most so long for that, and leave the group."""
        self.pause()
        offsets = self._finished()
        failure = self.commit(offsets) if offsets else None
        deadline = time.monotonic() + most_seconds
        while failure is None and any(self.committed.get(p, -1) < o for p, o in offsets.items()):
            if time.monotonic() > deadline:
                failure = "Kafka does not answer"
                break
            self._consumer.poll(_LOOK_SECONDS)
            failure = self._commit_failed
        if failure is not None:
            log.warning("positions were not committed", why=failure)
        self._finished = dict
        self._consumer.close()

    def _note(self, message: confluent_kafka.Message, error: KafkaError) -> None:
        """What comes instead of a record."""
        partition = message.topic() or "", message.partition() or 0
        if error.code() == KafkaError._PARTITION_EOF:
            self.ends[partition] = message.offset() or 0
        elif error.code() == KafkaError._BAD_COMPRESSION:
            [known] = self._consumer.position([TopicPartition(*partition)])
            first = max(known.offset, message.offset() or 0)
            self._refused = records_from(self._settings, *partition, first, FEW_RECORDS)
        elif error.code() in FORBIDDEN:
            raise forbidden(self._settings, error.str())
        elif error.fatal():
            raise MillraceError(f"Kafka refused this indexer for good: {error.str()}")
        else:
            log.warning("waiting for Kafka", why=error.str())

    def _take_refused(self, refused: Iterator[list[Any]]) -> list[Consumed]:
        """The next records of a batch that librdkafka does not take apart, and step over them."""
        try:
            found = next(refused, [])
            if not found:
                self._refused = None
                return []
            last = found[-1]
            self._consumer.seek(TopicPartition(last.topic, last.partition, last.offset + 1))
        except (KafkaException, BrokerError) as error:
            self._refused = None
            raise UnreachableError(f"a batch cannot be read yet: {error}") from error
        return [
            Consumed(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, r.headers)
            for r in found
        ]

    def _on_commit(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        for place in places:
            failure = error or place.error
            if failure is None:
                self.committed[place.topic, place.partition] = place.offset
            else:
                self._commit_failed = failure.str()

    def _on_assign(self, consumer: Any, places: list[TopicPartition]) -> None:
        self.assignment = frozenset((p.topic, p.partition) for p in places)
        log.info("partitions assigned", partitions=len(places))

    def _on_revoke(self, consumer: Any, places: list[TopicPartition]) -> None:
        offsets = self._finished()
        try:
            if offsets:
                consumer.commit(offsets=_places(offsets), asynchronous=False)
        except KafkaException as error:
            log.warning("positions were not committed", why=error.args[0].str())
        self._on_lost(consumer, places)

    def _on_lost(self, consumer: Any, places: list[TopicPartition]) -> None:
        self.assignment = frozenset()
        self._refused = None
        self.ends.clear()
        self.committed.clear()


def consumer_settings(settings: Settings) -> dict[str, Any]:
    """librdkafka's settings (its CONFIGURATION.md)."""
    return {
        **librdkafka_settings(settings),
        "group.id": consumer_group(settings, "indexer"),
        "enable.auto.commit": False,
        "auto.offset.reset": "earliest",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,
        "session.timeout.ms": settings.session_timeout_ms,
        "heartbeat.interval.ms": settings.session_timeout_ms // 4,
        "max.poll.interval.ms": MAX_POLL_INTERVAL_MS,
        "topic.metadata.refresh.interval.ms": METADATA_MAX_AGE_MS,
        "statistics.interval.ms": 5000,
        # The default of one second throttles a consumer that keeps up.
        "fetch.queue.backoff.ms": 5,
        "fetch.wait.max.ms": 100,
        "queued.min.messages": 20_000,
        "queued.max.messages.kbytes": 32 * 1024,
        # What compresses well is hundreds of times larger once it is in the queue, whose bound is
        # only looked at between two fetches.
        "fetch.message.max.bytes": MIB // 4,
    }


def _places(offsets: Mapping[Partition, int]) -> list[TopicPartition]:
    return [TopicPartition(*partition, offset) for partition, offset in offsets.items()]
