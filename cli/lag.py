"""How many offsets each topic holds, and how many each consumer group has not finished."""

import time
from collections.abc import Mapping
from contextlib import closing

from kafka import OffsetSpec, TopicPartition
from kafka.errors import KafkaError
from msgspec import Struct

from contracts.consumers import python_consumer
from contracts.errors import MillraceError
from contracts.group_positions import committed
from contracts.kafka import admin_client, consumer_group
from contracts.kafka_access import refusal
from contracts.settings import Settings
from contracts.topics import Topics

_Reader = tuple[str, TopicPartition]
_FEW = 8
"""Offsets of a partition that may be markers only."""
_LOOK_SECONDS = 2.0
_MARKERS = {"isolation_level": "read_committed", "bootstrap_timeout_ms": 3000}


class TopicState(Struct, frozen=True):
    """A topic: offsets that are kept, and per consumer group how many it has not finished yet.

    An offset is a record, or the marker that ends a transaction.
    """

    name: str
    offsets: int
    lag: dict[str, int]


def readers(topics: Topics) -> dict[str, tuple[str, ...]]:
    """Consumer group -> the topics it reads."""
    indexed = (
        topics.predictions,
        topics.shadow_predictions,
        topics.labels,
        topics.dead_letters,
        topics.model_events,
        topics.service_stats,
        topics.alerts,
    )
    workers = {group: (topic,) for topic, group in topics.workers.items()}
    return {**workers, "indexer": tuple(topic.name for topic in indexed)}


def topic_states(settings: Settings) -> list[TopicState]:
    """Ask Kafka about all of our topics that exist.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not let us in, or does not allow that.
    """
    admin = admin_client(settings)
    try:
        topics = Topics(settings)
        asked = [topic.name for topic in topics.all()]
        partitions = [
            TopicPartition(described["name"], partition["partition_index"])
            for described in admin.describe_topics(asked)
            if not described["error_code"]
            for partition in described["partitions"]
        ]
        first, end = (
            {tp: found.offset for tp, found in admin.list_partition_offsets(wanted).items()}
            for wanted in (
                dict.fromkeys(partitions, OffsetSpec.EARLIEST),
                dict.fromkeys(partitions, OffsetSpec.LATEST),
            )
        )
        positions = {
            group: committed(admin, consumer_group(settings, group)) for group in readers(topics)
        }
    except KafkaError as error:
        raise refusal(settings, error) from error
    finally:
        admin.close()
    left = {
        (group, tp): range(max(positions[group].get(tp, 0), first[tp]), end[tp])
        for group, read in readers(topics).items()
        for tp in partitions
        if tp.topic in read
    }
    finished = _markers_only(settings, left)
    existing = {tp.topic for tp in partitions}
    return [
        TopicState(
            name,
            sum(end[tp] - first[tp] for tp in partitions if tp.topic == name),
            {
                group: sum(
                    len(offsets)
                    for (reader, tp), offsets in left.items()
                    if (reader, tp.topic) == (group, name) and (reader, tp) not in finished
                )
                for group, read in readers(topics).items()
                if name in read
            },
        )
        for name in asked
        if name in existing
    ]


def _markers_only(settings: Settings, left: Mapping[_Reader, range]) -> set[_Reader]:
    """Where nothing but markers of transactions is left, which are nobody's to read: after
    `models resume`, or behind a producer that uses transactions. Looked at only where few offsets
    are left; nothing, if we may not read there."""
    few = {reader: offsets for reader, offsets in left.items() if 0 < len(offsets) <= _FEW}
    if not few:
        return set()
    found: set[_Reader] = set()
    try:
        with closing(python_consumer(settings, **_MARKERS)) as consumer:
            for (group, tp), offsets in few.items():
                consumer.assign([tp])
                consumer.seek(tp, offsets.start)
                deadline = time.monotonic() + _LOOK_SECONDS
                while consumer.position(tp) < offsets.stop and time.monotonic() < deadline:
                    if consumer.poll(timeout_ms=100):
                        break
                else:
                    if consumer.position(tp) >= offsets.stop:
                        found.add((group, tp))
    except (KafkaError, MillraceError):
        return found
    return found
