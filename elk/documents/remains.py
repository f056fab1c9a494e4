"""What Kafka holds for how long, by the settings that its topics have."""

from collections.abc import Mapping
from datetime import datetime

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError
from msgspec import Struct

from contracts.kafka import admin_client
from contracts.kafka_access import refusal
from contracts.retention import TopicState, gone_by
from contracts.settings import Settings
from contracts.topics import Topics


class Kept(Struct, frozen=True):
    """A topic with data of entities; `gone_by`: when what it holds now is gone at the latest."""

    topic: str
    retention_ms: int
    gone_by: datetime | None


def topics_as_they_are(settings: Settings) -> dict[str, TopicState]:
    """Our topics that exist, with those settings that are not Kafka's defaults.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not allow that.
    """
    names = [topic.name for topic in Topics(settings).all()]
    admin = admin_client(settings)
    try:
        described = [topic for topic in admin.describe_topics(names) if not topic["error_code"]]
        wanted = [ConfigResource(ConfigResourceType.TOPIC, t["name"]) for t in described]
        configs: Mapping[str, Mapping[str, Mapping[str, object]]] = (
            admin.describe_configs(wanted).get("topic", {}) if wanted else {}
        )
    except KafkaError as error:
        raise refusal(settings, error) from error
    finally:
        admin.close()
    return {
        topic["name"]: TopicState(
            len(topic["partitions"]),
            min(len(partition["replica_nodes"]) for partition in topic["partitions"]),
            {name: str(one["value"]) for name, one in configs.get(topic["name"], {}).items()},
        )
        for topic in described
    }


def kept_by_kafka(settings: Settings, now: datetime) -> list[Kept]:
    """The topics that still hold what was erased; errors as `topics_as_they_are`."""
    topics = Topics(settings)
    found = topics_as_they_are(settings)
    personal = (
        topics.features,
        topics.predictions,
        topics.shadow_predictions,
        topics.labels,
        topics.dead_letters,
    )
    return [
        Kept(
            topic.name,
            int(found[topic.name].config.get("retention.ms", topic.config["retention.ms"])),
            gone_by(found[topic.name].config, now),
        )
        for topic in personal
        if topic.name in found
    ]
