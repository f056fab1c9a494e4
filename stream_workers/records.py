"""A record as the lane hands it on: everything taken out of librdkafka's message once."""

from typing import Any

from msgspec import Struct

from contracts.dead_letters import Headers
from contracts.kafka_reading import headers_of

MOST_OVERHEAD_BYTES = 64 * 1024
"""Of key and headers together. Compressed, a record of any size fits through a topic's limit."""

_YEAR_9999_MS = 253_370_764_800_000


class Record(Struct, frozen=True, gc=False):
    """One record of a topic. `sent_at`: seconds since 1970, None if no calendar has that time.

    `headers` is None where the name of one is not UTF-8, which Kafka keeps and Python cannot.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    sent_at: float | None
    headers: Headers | None

    @property
    def overhead_bytes(self) -> int:
        """Size of key and headers."""
        size = len(self.key or b"")
        for name, value in self.headers or ():
            size += len(name) + len(value or b"")
        return size


def calendar_seconds(milliseconds: int) -> float | None:
    """Kafka's time stamp in seconds since 1970, None if no calendar has that time."""
    return milliseconds / 1000 if 0 < milliseconds < _YEAR_9999_MS else None


def from_message(message: Any) -> Record:
    """Take a record out of confluent-kafka's `Message`."""
    kind, milliseconds = message.timestamp()
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        # As `calendar_seconds`, which as a call would cost as much as all the rest of a record.
        milliseconds / 1000 if kind and 0 < milliseconds < _YEAR_9999_MS else None,
        headers_of(message),
    )
