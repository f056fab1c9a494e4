"""The indexer's consumer, as a new member of the group."""

from typing import Any

from kafka.errors import KafkaError

from contracts.consumers import python_consumer
from contracts.kafka import consumer_group
from contracts.kafka_access import refusal
from contracts.settings import Settings

MAX_POLL_INTERVAL_MS = 300_000
METADATA_MAX_AGE_MS = 60_000
"""How soon the new partitions of a topic that grew are read."""


def indexer_consumer(settings: Settings, topics: tuple[str, ...]) -> Any:
    """Connect, and get to know the partitions.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not allow that.
    """
    try:
        consumer = python_consumer(
            settings,
            *topics,
            group_id=consumer_group(settings, "indexer"),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            allow_auto_create_topics=False,
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=settings.session_timeout_ms // 4,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            fetch_max_wait_ms=100,
            fetch_max_bytes=16 * 1024 * 1024,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            metrics_enabled=False,
        )
        # Joining the group before the partitions are known would assign none of them.
        for topic in topics:
            consumer.partitions_for_topic(topic)
        return consumer
    except KafkaError as error:
        raise refusal(settings, error) from error
