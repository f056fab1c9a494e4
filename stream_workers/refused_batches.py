"""Getting over the batches that librdkafka does not take apart."""

from collections.abc import Callable, Iterator

from contracts.refused_batches import records_from
from contracts.settings import Settings
from stream_workers.records import Record, calendar_seconds

ReadRefused = Callable[[str, int, int, int], Iterator[list[Record]]]
"""Topic, partition, offset, most records at once -> the records from there on."""


def read_refused(
    settings: Settings, topic: str, partition: int, offset: int, most: int
) -> Iterator[list[Record]]:
    """As `contracts.refused_batches.records_from`, as records of a worker."""
    for found in records_from(settings, topic, partition, offset, most):
        yield [
            Record(
                topic,
                partition,
                record.offset,
                record.key,
                record.value,
                calendar_seconds(record.timestamp),
                record.headers,
            )
            for record in found
        ]
