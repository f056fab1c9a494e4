"""Reading with librdkafka: what is there, how far behind, and headers of any kind."""

from collections.abc import Iterable, Mapping
from operator import methodcaller
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicPartition

Partition = tuple[str, int]
"""Topic and partition."""

_MOST_BYTES = 8 * 1024 * 1024
"""A batch that has grown to this is done with, whatever else has arrived."""
FORBIDDEN = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
)
"""Errors of missing permissions: waiting does not mend them."""
_headers = methodcaller("headers")
"""Called by its name in Python code that has run often, Python 3.11 and later leave out the look
for an error that comes with a result; it would show up in the next call, whatever that is."""
_FEW = 20
"""Records read at once, before the size of the batch is looked at."""


def read_batch(
    consumer: confluent_kafka.Consumer, most: int, most_seconds: float
) -> list[confluent_kafka.Message]:
    """Wait so long for a first record, and take with it what else has arrived by then."""
    first = consumer.poll(most_seconds)
    if first is None:
        return []
    messages, size = [first], len(first)
    while len(messages) < most and size < _MOST_BYTES:
        # With a timeout it would wait for more.
        more = consumer.consume(min(_FEW, most - len(messages)), 0)
        if not more:
            break
        messages += more
        size += sum(map(len, more))
    return messages


def headers_of(message: Any) -> list[tuple[str, bytes]] | None:
    """The headers of confluent-kafka's `Message`; None if the name of one is not UTF-8.

    To be asked once and never again: after confluent-kafka 2.16 has failed on such a name, a
    second call gives a list with a hole in it, and the process dies.
    """
    try:
        return _headers(message) or []
    except (SystemError, UnicodeDecodeError):
        return None


def known_lags(
    consumer: confluent_kafka.Consumer,
    partitions: Iterable[Partition],
    ends: Mapping[Partition, int] | None = None,
) -> dict[Partition, int]:
    """Records not read yet, of the partitions that were fetched from at least once.

    From what the consumer knows by itself; for its own thread only. Asked from another thread
    while it polls, confluent-kafka 2.16 may stop the whole process.

    Args:
        ends: offsets at which nothing more was found, if that is kept.
    """
    found = {}
    for partition in partitions:
        asked = TopicPartition(*partition)
        try:
            [position] = consumer.position([asked])
            _, end = consumer.get_watermark_offsets(asked, cached=True)
        except KafkaException:
            continue
        reached = max(position.offset, (ends or {}).get(partition, -1))
        if reached >= 0 and end >= 0:
            found[partition] = max(0, end - reached)
    return found
