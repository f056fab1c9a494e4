"""Following the topic `erasures`: all of it, by every process that writes documents."""

import time
from typing import Any

import structlog
from kafka import TopicPartition
from kafka.errors import KafkaError

from contracts.consumers import python_consumer
from contracts.erasures import Erasures, decode_erasure
from contracts.errors import MillraceError, UnreachableError
from contracts.kafka_access import refusal
from contracts.settings import Settings
from contracts.topics import Topics

log = structlog.stdlib.get_logger("elk")

_POLL_MS = 200
_ASK_MS = 5000
_LOUD_EVERY = 10
_PATIENCE_SECONDS = 30.0


class ErasureLog:
    """Reads the topic from its beginning; for one thread.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not let us in.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._partition = TopicPartition(Topics(settings).erasures.name, 0)
        self.erasures = Erasures()
        try:
            self._consumer: Any = python_consumer(
                settings,
                group_id=None,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                allow_auto_create_topics=False,
                metrics_enabled=False,
            )
            self._consumer.assign([self._partition])
            self._consumer.seek_to_beginning(self._partition)
        except KafkaError as error:
            raise refusal(settings, error) from error
        self._position = 0
        self._failures = 0

    def refresh(self) -> Erasures:
        """Read what is there at this moment: an erasure acknowledged before is known after.

        Raises:
            UnreachableError: Kafka does not answer.
            AccessError: it does not allow that.
        """
        try:
            ends = self._consumer.end_offsets([self._partition], timeout_ms=_ASK_MS)
            self._read_to(ends[self._partition])
        except KafkaError as error:
            raise refusal(self._settings, error) from error
        return self.erasures

    def try_refresh(self) -> bool:
        """As `refresh`, for those who try again later; whether it succeeded."""
        try:
            self.refresh()
        except MillraceError as error:
            if self._failures % _LOUD_EVERY == 0:
                log.warning("erasures are not known yet", why=str(error))
            self._failures += 1
            return False
        self._failures = 0
        return True

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close(autocommit=False, timeout_ms=1000)

    def _read_to(self, end: int) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self._position < end:
            for record in self._consumer.poll(timeout_ms=_POLL_MS).get(self._partition, ()):
                self._take(record)
            self._position = self._consumer.position(self._partition)
            if time.monotonic() > deadline:
                raise UnreachableError(f"Kafka gave nothing of {self._partition.topic} for long")

    def _take(self, record: Any) -> None:
        try:
            self.erasures.add(decode_erasure(record.value))
        except MillraceError as error:
            log.error(
                "an erasure cannot be read, so it is not carried out",
                topic=record.topic,
                offset=record.offset,
                why=str(error),
            )


def known_erasures(settings: Settings) -> Erasures:
    """All erasures of this moment; errors as those of `ErasureLog`."""
    following = ErasureLog(settings)
    try:
        return following.refresh()
    finally:
        following.close()
