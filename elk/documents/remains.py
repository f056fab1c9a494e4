"""What Kafka holds for how long, by the settings that its topics have."""

from collections.abc import Sequence
from datetime import datetime

from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError
from msgspec import Struct

from contracts.kafka import admin_client
from contracts.kafka_access import refusal
from contracts.retention import KAFKA_DEFAULTS, gone_by
from contracts.settings import Settings
from contracts.topics import Topics


class Kept(Struct, frozen=True):
    """A topic with data of entities; `gone_by`: when what it holds now is gone at the latest."""

    topic: str
    retention_ms: int
    gone_by: datetime | None


def kept_by_kafka(settings: Settings, now: datetime) -> list[Kept]:
    """The topics that still hold what was erased from documents.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not allow that.
    """
    topics = Topics(settings)
    configs = _configs(
        settings,
        [
            *(topic.name for topic in topics.inputs),
            topics.waiting.name,
            topics.predictions.name,
            topics.shadow_predictions.name,
            topics.labels.name,
            topics.dead_letters.name,
        ],
    )
    return [
        Kept(
            name,
            int(config.get("retention.ms", KAFKA_DEFAULTS["retention.ms"])),
            gone_by(config, now),
        )
        for name, config in configs.items()
    ]


def _configs(settings: Settings, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Topic -> all of its settings."""
    admin = admin_client(settings)
    try:
        wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
        found = admin.describe_configs(wanted, config_filter="all").get("topic", {})
    except KafkaError as error:
        raise refusal(settings, error) from error
    finally:
        admin.close()
    return {
        name: {key: str(one["value"]) for key, one in found[name].items()}
        for name in names
        if name in found
    }
