"""Reaching Kafka: its clients' settings, the creation of the topics, and what is known of them."""

import time
from collections.abc import Sequence

from kafka import KafkaAdminClient, OffsetSpec, TopicPartition
from kafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    for_code,
)
from msgspec import Struct

from contracts.kafka_access import forbidden, refusal, require_entry
from contracts.kafka_clients import librdkafka_settings, python_client_settings
from contracts.settings import Settings
from contracts.topics import Topic, Topics

__all__ = [
    "TopicFacts",
    "admin_client",
    "consumer_group",
    "create_topics",
    "describe_topics",
    "librdkafka_settings",
    "python_client_settings",
    "require_rights",
    "topic_ids",
]


_FENCED_SECONDS = 10.0
"""A broker that was away gets no partition until its next heartbeats (KIP-631: it is fenced), and
Kafka then says that it has too few brokers."""
_LOOK_SECONDS = 0.5
_READY_SECONDS = 60.0
"""Until every broker knows a topic: a busy one of many partitions takes its time."""


def consumer_group(settings: Settings, service: str) -> str:
    """The consumer group that all processes of a service share."""
    return f"{settings.topic_prefix}millrace-{service}"


def admin_client(settings: Settings) -> KafkaAdminClient:
    """Connect to Kafka for administration.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it is not trusted, or does not let us in.
    """
    require_entry(settings)
    try:
        return KafkaAdminClient(**python_client_settings(settings))
    except KafkaError as error:
        raise refusal(settings, error) from error


def create_topics(settings: Settings) -> list[str]:
    """Create the topics that do not exist yet, and wait until they can be used.

    Returns:
        The names of those that were created.

    Raises:
        UnreachableError: Kafka does not answer or refused.
        AccessError: Kafka does not let us in, or does not allow that.
    """
    declared = Topics(settings).all()
    # By their names: the list of all topics is long where others have theirs.
    existing = describe_topics(settings, [topic.name for topic in declared])
    missing = [topic for topic in declared if topic.name not in existing]
    if not missing:
        return []
    admin = admin_client(settings)
    try:
        return _create(admin, missing, settings.replication_factor)
    except KafkaError as error:
        raise refusal(settings, error) from error
    finally:
        admin.close()


def _create(admin: KafkaAdminClient, topics: Sequence[Topic], replication_factor: int) -> list[str]:
    wanted = {
        topic.name: {
            "num_partitions": topic.partitions,
            "replication_factor": replication_factor,
            "configs": topic.config,
        }
        for topic in topics
    }
    created: list[str] = []
    deadline = time.monotonic() + _FENCED_SECONDS
    while wanted:
        answer = admin.create_topics(wanted, raise_errors=False)
        for topic in answer["topics"]:
            error = for_code(topic["error_code"])
            if error is InvalidReplicationFactorError and time.monotonic() < deadline:
                continue
            if error not in (NoError, TopicAlreadyExistsError):  # another process was quicker
                raise error(topic["error_message"])
            del wanted[topic["name"]]
            if error is NoError:
                created.append(topic["name"])
        if wanted:
            time.sleep(_LOOK_SECONDS)
    milliseconds = _READY_SECONDS * 1000
    admin.wait_for_topics([topic.name for topic in topics], timeout_ms=milliseconds)
    # A broker tells who leads a partition a moment before the leader serves it.
    partitions = [
        TopicPartition(topic.name, number)
        for topic in topics
        if topic.name in created
        for number in range(topic.partitions)
    ]
    admin.list_partition_offsets(
        dict.fromkeys(partitions, OffsetSpec.LATEST), timeout_ms=milliseconds
    )
    return created


class TopicFacts(Struct, frozen=True):
    """A topic as Kafka has it. `id` is its UUID (KIP-516), new when a topic is re-created;
    `allowed` is what its ACLs let us do (KIP-430), such as READ and WRITE."""

    id: str
    partitions: int
    allowed: frozenset[str] = frozenset()


def describe_topics(settings: Settings, names: Sequence[str]) -> dict[str, TopicFacts]:
    """Ask Kafka about topics; names that do not exist are left out.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: Kafka does not show us one of them.
    """
    admin = admin_client(settings)
    try:
        described = admin.describe_topics(list(names))
    except KafkaError as error:
        raise refusal(settings, error) from error
    finally:
        admin.close()
    hidden = [t["name"] for t in described if t["error_code"] == _HIDDEN]
    if hidden:
        raise forbidden(settings, f"DESCRIBE of topic {', '.join(hidden)}")
    return {
        topic["name"]: TopicFacts(
            str(topic["topic_id"]),
            len(topic["partitions"]),
            frozenset(topic["authorized_operations"] or ()),
        )
        for topic in described
        if not topic["error_code"]
    }


def require_rights(
    settings: Settings,
    *,
    read: Sequence[str] = (),
    write: Sequence[str] = (),
) -> None:
    """Make sure before the work begins that Kafka's ACLs allow it: clients would try for long.

    Args:
        read, write: names of topics; those that do not exist are passed over.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: something is not allowed; the sentence names all of it.
    """
    facts = describe_topics(settings, [*read, *write])
    missing = [
        f"{operation} of topic {name}"
        for operation, names in (("READ", read), ("WRITE", write))
        for name in names
        if name in facts and operation not in facts[name].allowed
    ]
    if missing:
        raise forbidden(settings, ", ".join(missing))


_HIDDEN = TopicAuthorizationFailedError.errno


def topic_ids(settings: Settings, names: Sequence[str]) -> dict[str, str]:
    """The UUIDs of topics; as `describe_topics`."""
    return {name: facts.id for name, facts in describe_topics(settings, names).items()}
