"""How many offsets each topic holds, and how many each consumer group has not finished."""

from kafka import OffsetSpec, TopicPartition
from kafka.errors import KafkaError
from msgspec import Struct

from contracts.kafka import admin_client, consumer_group
from contracts.kafka_access import refusal
from contracts.settings import Settings
from contracts.topics import Topics


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
        existing = set(admin.list_topics())
        topics = Topics(settings)
        names = [topic.name for topic in topics.all() if topic.name in existing]
        partitions = [
            TopicPartition(described["name"], partition["partition_index"])
            for described in admin.describe_topics(names)
            for partition in described["partitions"]
        ]
        first, end = (
            {tp: found.offset for tp, found in admin.list_partition_offsets(wanted).items()}
            for wanted in (
                dict.fromkeys(partitions, OffsetSpec.EARLIEST),
                dict.fromkeys(partitions, OffsetSpec.LATEST),
            )
        )
        committed = {
            group: {
                tp: found.offset
                for offsets in admin.list_group_offsets([consumer_group(settings, group)]).values()
                for tp, found in offsets.items()
            }
            for group in readers(topics)
        }
    except KafkaError as error:
        raise refusal(settings, error) from error
    finally:
        admin.close()
    return [
        TopicState(
            name,
            sum(end[tp] - first[tp] for tp in partitions if tp.topic == name),
            {
                group: sum(
                    end[tp] - max(committed[group].get(tp, 0), first[tp])
                    for tp in partitions
                    if tp.topic == name
                )
                for group, read in readers(topics).items()
                if name in read
            },
        )
        for name in names
    ]
