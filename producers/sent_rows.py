"""What Kafka already has of a replay that was killed: read from the topics themselves.

The progress file is up to a second old when a process is killed. Every record of a file replay
carries its replay and row in a header, so the rows sent since can be found where they stand.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from contracts.consumers import python_consumer
from contracts.kafka_access import refusal
from contracts.settings import Settings
from producers.acknowledged_prefix import Positions

_SETTLE_SECONDS = 2.0

HEADER = "replay"
"""Header of the records of a file replay: `<replay id>/<row in the order of sending>`."""


def header(replay_id: str, row: int) -> tuple[str, bytes]:
    """The header of a row's records."""
    return HEADER, f"{replay_id}/{row}".encode()


def row_of(headers: list[tuple[str, bytes]] | None, replay_id: str) -> int | None:
    """The row a record belongs to; None if it is of another replay or of none."""
    for name, value in headers or ():
        if name == HEADER:
            replay, _, row = value.partition(b"/")
            return int(row) if replay == replay_id.encode() and row.isdigit() else None
    return None


def end_positions(settings: Settings, topics: list[str]) -> Positions:
    """Where the partitions of some topics end now.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not let us in, or does not allow us to read.
    """
    with _consumer(settings) as consumer:
        return _ends(consumer, topics)


def find_sent_rows(settings: Settings, positions: Positions, replay_id: str) -> dict[str, set[int]]:
    """Topic -> rows of a replay that stand at or after `positions`.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not let us in, or does not allow us to read.
    """
    with _consumer(settings) as consumer:
        return _scan(consumer, positions, replay_id)


@contextmanager
def _consumer(settings: Settings) -> Iterator[KafkaConsumer]:
    try:
        consumer = python_consumer(settings)
        try:
            yield consumer
        finally:
            consumer.close()
    except KafkaError as error:
        raise refusal(settings, error) from error


def _ends(consumer: KafkaConsumer, topics: list[str]) -> Positions:
    partitions = [
        TopicPartition(topic, partition)
        for topic in topics
        for partition in consumer.partitions_for_topic(topic) or ()
    ]
    ends: Positions = {topic: {} for topic in topics}
    for partition, offset in consumer.end_offsets(partitions).items():
        ends[partition.topic][partition.partition] = offset
    return ends


def _scan(consumer: KafkaConsumer, positions: Positions, replay_id: str) -> dict[str, set[int]]:
    """Scan to the end, again and again until a while has brought no more rows: what a killed
    process had on its way is appended after its death, on a busy broker seconds later."""
    found: dict[str, set[int]] = {topic: set() for topic in positions}
    start, passes = positions, 0
    while True:
        known = sum(map(len, found.values()))
        ends = _ends(consumer, list(positions))
        _scan_span(consumer, start, ends, replay_id, found)
        passes += 1
        if passes > 1 and sum(map(len, found.values())) == known:
            return found
        start = ends
        time.sleep(_SETTLE_SECONDS)


def _scan_span(
    consumer: KafkaConsumer,
    start: Positions,
    ends: Positions,
    replay_id: str,
    found: dict[str, set[int]],
) -> None:
    left = {
        TopicPartition(topic, partition): end
        for topic, partitions in ends.items()
        for partition, end in partitions.items()
        # A partition added since has records of this replay only from its beginning on.
        if end > start[topic].get(partition, 0)
    }
    consumer.assign(list(left))
    oldest = consumer.beginning_offsets(list(left)) if left else {}
    consumer.resume(*left)  # those of the pass before are still paused
    for partition in left:
        first = start[partition.topic].get(partition.partition, 0)
        consumer.seek(partition, max(first, oldest[partition]))
    while left:
        for partition, records in consumer.poll(timeout_ms=500).items():
            for record in records:
                row = row_of(record.headers, replay_id)
                if row is not None:
                    found[partition.topic].add(row)
        for partition in [p for p, end in left.items() if consumer.position(p) >= end]:
            consumer.pause(partition)
            del left[partition]
