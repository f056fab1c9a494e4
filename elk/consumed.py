"""A record of Kafka as the indexer keeps it, wherever it was read."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from contracts.kafka_reading import headers_of


class Consumed(Struct, frozen=True, gc=False):
    """A record as it was read; `timestamp` is its send time, ms since 1970."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] | None


def from_message(message: Any) -> Consumed:
    """Take a record out of confluent-kafka's `Message`."""
    return Consumed(
        message.topic(),
        message.partition(),
        message.offset(),
        message.timestamp()[1],
        message.key(),
        message.value(),
        headers_of(message),
    )
