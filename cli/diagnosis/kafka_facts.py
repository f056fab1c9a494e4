"""Asking Kafka: topics, groups, version, and the clocks that its append times tell."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType

from cli.diagnosis.groups import FoundGroup
from cli.diagnosis.topics import FoundTopic
from cli.lag import readers, topic_states
from contracts.kafka import admin_client, consumer_group, describe_topics
from contracts.settings import Settings
from contracts.topics import Topics


def topics(settings: Settings) -> dict[str, FoundTopic]:
    """Our topics that exist.

    Raises:
        UnreachableError, AccessError: Kafka does not answer, or does not show us one.
        KafkaError: it refuses to tell the settings.
    """
    facts = describe_topics(settings, [topic.name for topic in Topics(settings).all()])
    admin = admin_client(settings)
    try:
        asked = [ConfigResource(ConfigResourceType.TOPIC, name) for name in facts]
        answers = admin.describe_configs(asked, config_filter="all") if asked else {}
    finally:
        admin.close()
    configs = _by_name(answers)
    return {
        name: FoundTopic(fact.partitions, configs.get(name, {}), fact.allowed)
        for name, fact in facts.items()
    }


def groups(settings: Settings) -> dict[str, FoundGroup]:
    """Service -> its group.

    Raises:
        UnreachableError: Kafka does not answer.
        KafkaError: it refuses to tell.
    """
    states = topic_states(settings)
    names = {service: consumer_group(settings, service) for service in readers(Topics(settings))}
    admin: KafkaAdminClient = admin_client(settings)
    try:
        described = admin.describe_groups(list(names.values()))
    finally:
        admin.close()
    return {
        service.removesuffix("s"): FoundGroup(
            described[group]["group_state"],
            len(described[group]["members"]),
            sum(topic.lag.get(service, 0) for topic in states),
            sum(topic.offsets - topic.lag[service] for topic in states if service in topic.lag),
        )
        for service, group in names.items()
    }


def version(settings: Settings) -> tuple[int, ...]:
    """The oldest broker's version, as its protocol tells it.

    Raises:
        UnreachableError: Kafka does not answer.
    """
    admin: KafkaAdminClient = admin_client(settings)
    try:
        brokers = [broker["broker_id"] for broker in admin.describe_cluster()["brokers"]]
        return min(tuple(admin.get_broker_version_data(node).broker_version) for node in brokers)
    finally:
        admin.close()


def clocks(told: Mapping[str, tuple[datetime, datetime]]) -> dict[str, float]:
    """Member -> by how many seconds its clock is ahead of the broker's.

    Args:
        told: member -> its own time, and the time at which Kafka appended its record. The way to
            Kafka counts as being behind, so that a second is nothing.
    """
    return {m: (own - appended).total_seconds() for m, (own, appended) in told.items()}


def _by_name(answers: Any) -> dict[str, dict[str, str]]:
    return {
        name: {key: str(config["value"]) for key, config in configs.items()}
        for resources in answers.values()
        for name, configs in resources.items()
    }
