"""Batches that librdkafka does not take apart, and would try again for ever.

Its limit is that of `contracts.unpacking`. kafka-python reads them instead: such records are known
by their offsets alone and become dead letters, and the partition goes on behind them.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from kafka import TopicPartition

from contracts.consumers import python_consumer
from contracts.not_unpacked import NotUnpacked
from contracts.settings import Settings

_POLL_MS = 10_000


def records_from(
    settings: Settings,
    topic: str,
    partition: int,
    offset: int,
    most: int,
    isolation_level: str = "read_committed",
) -> Iterator[list[Any]]:
    """Read from an offset on, at most `most` records at once, until they can be read otherwise.

    Returns:
        Lists of kafka-python's `ConsumerRecord`, none of them empty.

    Raises:
        KafkaError, UnreachableError: Kafka does not give them; nothing is lost by trying again.
    """
    place = TopicPartition(topic, partition)
    with closing(python_consumer(settings, isolation_level=isolation_level)) as consumer:
        consumer.assign([place])
        consumer.seek(place, offset)
        while found := consumer.poll(_POLL_MS, most).get(place, []):
            yield found
            if len(found) < most or not isinstance(found[-1].value, NotUnpacked):
                return
