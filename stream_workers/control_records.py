"""Reading the control topic, whatever stands there, and the questions on `model-events`."""

import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import confluent_kafka
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from kafka.errors import KafkaError as BrokerError
from msgspec import Struct

from contracts.consumers import APPENDED
from contracts.errors import UnreachableError
from contracts.kafka import librdkafka_settings
from contracts.not_unpacked import NotUnpacked
from contracts.refused_batches import records_from
from contracts.settings import Settings
from contracts.topics import Topics

log = structlog.get_logger("stream_workers.control")

_POLL_SECONDS = 0.2
_AT_ONCE = 500
_ISOLATION = "read_uncommitted"
"""Whoever may write can leave a transaction open for a quarter of an hour, behind which readers of
committed records would wait. Transactions mean nothing here: the publisher reads like this too."""


class ControlRecord(Struct, frozen=True):
    """A record of the control topic, or a question if `asks`.

    `at` is Kafka's own time of it; None if it is that of whoever wrote it. Of a batch that nobody
    should unpack there is one record, whose value is `NotUnpacked`.
    """

    asks: bool
    offset: int
    key: bytes | None
    value: bytes | None
    at: datetime | None


class ControlReader:
    """A consumer that belongs to one worker, for one thread.

    Attributes:
        behind: how many records come after the one that was read last.
    """

    def __init__(self, settings: Settings) -> None:
        topics = Topics(settings)
        self._settings = settings
        self._control_topic = topics.model_control.name
        self._events_topic = topics.model_events.name
        self.behind = 0
        self._next_question: int | None = None
        self._consumer = confluent_kafka.Consumer(
            {
                **librdkafka_settings(settings),
                # Every worker reads the whole topic: the group is never joined nor committed to.
                "group.id": f"{settings.topic_prefix}millrace-control-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "isolation.level": _ISOLATION,
                "fetch.wait.max.ms": 100,
            }
        )

    def replay(self, patience: float) -> Iterator[ControlRecord]:
        """The control topic from its beginning to its end.

        Args:
            patience: seconds without a record after which it is given up.

        Raises:
            UnreachableError: its end was not reached.
        """
        self._consumer.assign(
            [TopicPartition(self._control_topic, 0, confluent_kafka.OFFSET_BEGINNING)]
        )
        deadline = time.monotonic() + patience
        while True:
            message = self._consumer.poll(_POLL_SECONDS)
            if message is not None and _code(message) == KafkaError._PARTITION_EOF:
                self.behind = 0
                return
            for record in self._records(message):
                deadline = time.monotonic() + patience
                yield record
            if time.monotonic() > deadline:
                raise UnreachableError(
                    f"the end of topic '{self._control_topic}' was not reached in "
                    f"{patience:.0f} s: is Kafka reachable, and was 'millrace up' or "
                    "'millrace setup' run?"
                )

    def listen(self) -> None:
        """Read questions too: the first time from now on, as who asked before has gone; after
        another replay those that came meanwhile.

        Raises:
            UnreachableError: Kafka does not say where now is.
        """
        questions = TopicPartition(self._events_topic, 0)
        if self._next_question is None:
            try:
                _, self._next_question = self._consumer.get_watermark_offsets(questions, 10)
            except KafkaException as error:
                raise UnreachableError(f"Kafka does not answer: {error}") from error
        questions.offset = self._next_question
        self._consumer.incremental_assign([questions])

    def poll(self) -> Iterator[ControlRecord]:
        """What has been added, if anything was, waiting for it a moment."""
        yield from self._records(self._consumer.poll(_POLL_SECONDS))

    def close(self) -> None:
        """Let go of the connection."""
        self._consumer.close()

    def _records(self, message: confluent_kafka.Message | None) -> Iterator[ControlRecord]:
        if message is None:
            return
        topic, offset = message.topic() or "", message.offset() or 0
        code = _code(message)
        if code is None:
            self._note(topic, offset)
            kind, at = message.timestamp()
            appended = kind == confluent_kafka.TIMESTAMP_LOG_APPEND_TIME
            yield self._record(topic, offset, message.key(), message.value(), at, appended)
        elif code == KafkaError._BAD_COMPRESSION:
            yield from self._refused(topic, offset)
        # Whatever else it is, librdkafka reconnects and goes on by itself.

    def _refused(self, topic: str, offset: int) -> Iterator[ControlRecord]:
        """Get over a batch that librdkafka does not take apart, and would try again for ever."""
        try:
            for found in records_from(self._settings, topic, 0, offset, _AT_ONCE, _ISOLATION):
                for r in found:
                    appended = r.timestamp_type == APPENDED
                    yield self._record(topic, r.offset, r.key, r.value, r.timestamp, appended)
                    if isinstance(r.value, NotUnpacked):
                        self._go_on(topic, r.value.last_offset + 1)
                        return
                self._go_on(topic, found[-1].offset + 1)
        except (KafkaException, BrokerError, UnreachableError) as error:
            log.warning("a batch cannot be read yet", topic=topic, reason=str(error))

    def _go_on(self, topic: str, offset: int) -> None:
        self._consumer.seek(TopicPartition(topic, 0, offset))

    def _record(
        self, topic: str, offset: int, key: Any, value: Any, milliseconds: int, appended: bool
    ) -> ControlRecord:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC) if appended else None
        return ControlRecord(topic == self._events_topic, offset, key, value, at)

    def _note(self, topic: str, offset: int) -> None:
        """Others must not ask a consumer that polls."""
        if topic == self._events_topic:
            self._next_question = offset + 1
            return
        _, end = self._consumer.get_watermark_offsets(TopicPartition(topic, 0), cached=True)
        self.behind = max(0, end - offset - 1)


def _code(message: confluent_kafka.Message) -> int | None:
    error = message.error()
    return None if error is None else error.code()
