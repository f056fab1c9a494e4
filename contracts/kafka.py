"""Reaching Kafka: connection settings for both clients, and the creation of the topics."""

import logging
from collections.abc import Sequence
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError
from msgspec import Struct

from contracts.errors import UnreachableError
from contracts.settings import Settings
from contracts.topics import Topics


def python_client_settings(settings: Settings) -> dict[str, Any]:
    """Connection settings for kafka-python's clients."""
    return {"bootstrap_servers": settings.kafka.split(","), "bootstrap_timeout_ms": 15_000}


def librdkafka_settings(settings: Settings) -> dict[str, Any]:
    """Connection settings for confluent-kafka's clients; librdkafka logs into Python's logs."""
    return {
        "bootstrap.servers": settings.kafka,
        "logger": logging.getLogger("librdkafka"),
        "reconnect.backoff.max.ms": 2000,
    }


def consumer_group(settings: Settings, service: str) -> str:
    """The consumer group that all processes of a service share."""
    return f"{settings.topic_prefix}millrace-{service}"


def admin_client(settings: Settings) -> KafkaAdminClient:
    """Connect to Kafka for administration.

    Raises:
        UnreachableError: Kafka does not answer.
    """
    try:
        return KafkaAdminClient(**python_client_settings(settings))
    except KafkaError as error:
        raise UnreachableError(f"Kafka at {settings.kafka} does not answer: {error}") from error


def create_topics(settings: Settings) -> list[str]:
    """Create the topics that do not exist yet, and wait until they can be used.

    Returns:
        The names of those that were created.

    Raises:
        UnreachableError: Kafka does not answer or refused.
    """
    admin = admin_client(settings)
    created = []
    try:
        existing = set(admin.list_topics())
        for topic in Topics(settings).all():
            if topic.name in existing:
                continue
            try:
                admin.create_topics(
                    {
                        topic.name: {
                            "num_partitions": topic.partitions,
                            "replication_factor": settings.replication_factor,
                            "configs": topic.config,
                        }
                    },
                    wait_for_metadata=True,
                )
                created.append(topic.name)
            except TopicAlreadyExistsError:
                continue  # another process was quicker
    except KafkaError as error:
        raise UnreachableError(f"Kafka at {settings.kafka} refused: {error}") from error
    finally:
        admin.close()
    return created


class TopicFacts(Struct, frozen=True):
    """A topic as Kafka has it. `id` is its UUID (KIP-516), new when a topic is re-created."""

    id: str
    partitions: int


def describe_topics(settings: Settings, names: Sequence[str]) -> dict[str, TopicFacts]:
    """Ask Kafka about topics; names that do not exist are left out.

    Raises:
        UnreachableError: Kafka does not answer.
    """
    admin = admin_client(settings)
    try:
        described = admin.describe_topics(list(names))
    except KafkaError as error:
        raise UnreachableError(f"Kafka at {settings.kafka} refused: {error}") from error
    finally:
        admin.close()
    return {
        topic["name"]: TopicFacts(str(topic["topic_id"]), len(topic["partitions"]))
        for topic in described
        if not topic["error_code"]
    }


def topic_ids(settings: Settings, names: Sequence[str]) -> dict[str, str]:
    """The UUIDs of topics; as `describe_topics`."""
    return {name: facts.id for name, facts in describe_topics(settings, names).items()}
