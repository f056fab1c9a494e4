"""Setting records aside: dead letters, acknowledged by Kafka before anything is committed."""

import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime

import structlog
from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError, RecordListTooLargeError

from contracts.dead_letters import DeadLetter, Headers, producer_of, to_headers
from contracts.errors import DeliveryError
from contracts.kafka import python_client_settings
from contracts.not_unpacked import NotUnpacked
from contracts.replays import replay_mark
from contracts.settings import Settings
from contracts.topics import Topics
from elk.record import Record
from elk.records import Rejection, Transcriber

log = structlog.stdlib.get_logger("elk")

EXCERPT_BYTES = 64 * 1024
"""What is kept of a record that does not fit on the topic with our headers added."""
MOST_DETAIL = 2000
ACKNOWLEDGEMENT_SECONDS = 60.0


class DeadLetterSender:
    """Produces dead letters; safe to use from several threads."""

    def __init__(self, settings: Settings, topics: Topics, transcriber: Transcriber) -> None:
        self._topic = topics.dead_letters.name
        self._transcriber = transcriber
        self._member = f"indexer-{socket.gethostname()}-{os.getpid()}"
        room = int(topics.dead_letters.config["max.message.bytes"])
        self._producer = KafkaProducer(
            **python_client_settings(settings),
            max_request_size=room,
            compression_type="lz4",
            linger_ms=5,
            allow_auto_create_topics=False,
        )

    def send(self, rejected: Sequence[tuple[Record, Rejection]]) -> int:
        """Set one or more records aside and wait until Kafka has them.

        Dead letters among them stay on their topic, with nothing but a line in the log.

        Returns:
            How many dead letters were sent.

        Raises:
            DeliveryError: Kafka did not acknowledge one; all may be sent again.
        """
        record, rejection = rejected[0]
        log.warning(
            "records rejected",
            records=len(rejected),
            first=f"{record.topic}[{record.partition}]@{record.offset}",
            reason=rejection.reason,
            detail=rejection.detail[:MOST_DETAIL],
        )
        futures = []
        try:
            for record, rejection in rejected:
                if self._transcriber.may_become_dead_letter(record):
                    futures.append(self._produce(record, rejection))
            for future in futures:
                future.get(timeout=ACKNOWLEDGEMENT_SECONDS)
        except KafkaError as error:
            raise DeliveryError(f"Kafka did not take a dead letter: {error}") from error
        return len(futures)

    def close(self) -> None:
        """Let the producer go; everything sent is acknowledged already."""
        self._producer.close(timeout=1)

    def _produce(self, record: Record, rejection: Rejection):  # type: ignore[no-untyped-def]
        value = record.value or b""
        # Kafka allows headers without a value, this client's producer does not.
        headers = [(name, content or b"") for name, content in record.headers or ()]
        attempts: tuple[tuple[bytes, Headers, bool], ...] = (
            (value, headers, isinstance(record.value, NotUnpacked)),
            (value[:EXCERPT_BYTES], headers, len(value) > EXCERPT_BYTES),
            (value[:EXCERPT_BYTES], [], True),
        )
        for content, original, truncated in attempts[:-1]:
            try:
                return self._send(record, rejection, content, original, truncated)
            except (MessageSizeTooLargeError, RecordListTooLargeError):
                continue  # our headers made it larger than what the topic takes
        return self._send(record, rejection, *attempts[-1])

    def _send(  # type: ignore[no-untyped-def]
        self,
        record: Record,
        rejection: Rejection,
        content: bytes,
        original: Headers,
        truncated: bool,
    ):
        origin = self._transcriber.origin(record)
        letter = DeadLetter(
            stage="indexer",
            reason=rejection.reason,
            detail=rejection.detail[:MOST_DETAIL],
            source=origin.source,
            sent_at=_send_time(record.timestamp),
            failed_at=datetime.now(UTC),
            member=self._member,
            model=origin.model,
            event_id=origin.event_id,
            producer=producer_of(record.headers),
            truncated=truncated,
            replay=replay_mark(record.headers),
        )
        return self._producer.send(
            self._topic, value=content, key=record.key, headers=to_headers(letter, original)
        )


def _send_time(milliseconds: int) -> datetime:
    """Any client may write any time into a record; what no datetime holds becomes 1970."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
