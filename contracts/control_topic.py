"""The control topic read whole: every deployment in force or past, and every message refused."""

from contextlib import closing
from datetime import UTC, datetime

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from msgspec import Struct

from contracts.consumers import APPENDED, python_consumer
from contracts.deployments import ControlLog, Deployment
from contracts.errors import (
    AccessError,
    ConfigurationError,
    DeploymentError,
    SignatureError,
    UnreachableError,
)
from contracts.kafka import describe_topics
from contracts.kafka_access import refusal
from contracts.keys import load_trusted_keys
from contracts.not_unpacked import NotUnpacked
from contracts.settings import Settings
from contracts.topics import Topics

READ_TIMEOUT_SECONDS = 30.0
QUICK_TIMEOUT_MS = 3000
"""For those who can do without Kafka's answer."""


class ControlRecord(Struct, frozen=True, kw_only=True):
    """One record of the control topic: a deployment that counts, or why it does not.

    `at` is Kafka's time of the record (1970 if no calendar has that time), `key` the model it
    claims to be for.
    """

    offset: int
    at: datetime
    key: str | None
    deployment: Deployment | None = None
    rejected: str | None = None


class ControlState(Struct, frozen=True):
    """The control topic up to the moment of reading, in log order."""

    log: ControlLog
    records: tuple[ControlRecord, ...]

    def winner(self, model: str, sequence: int) -> ControlRecord | None:
        """The record that won a sequence number."""
        for record in self.records:
            deployment = record.deployment
            if deployment and (deployment.model, deployment.sequence) == (model, sequence):
                return record
        return None


def read_control(settings: Settings, *, quick: bool = False) -> ControlState:
    """Read the control topic from its beginning to the end it has now, as a worker does.

    Args:
        quick: give up after 3 s without an answer.

    Raises:
        ConfigurationError: no Kafka is configured, or it has no control topic.
        UnreachableError: Kafka does not answer.
        AccessError: it does not let us in, or does not allow us to read.
    """
    log = ControlLog(settings.environment, load_trusted_keys(settings.keys, "deployments"))
    records: list[ControlRecord] = []
    patience = {"bootstrap_timeout_ms": QUICK_TIMEOUT_MS} if quick else {}
    try:
        with closing(python_consumer(settings, **_READER, **patience)) as consumer:
            _read_to_end(consumer, Topics(settings).model_control.name, log, records, settings)
    except KafkaError as error:
        raise refusal(settings, error) from error
    return ControlState(log, tuple(records))


def deployed_version(settings: Settings, model: str) -> str | None:
    """The champion of a model, None if there is none or Kafka cannot tell."""
    try:
        deployment = read_control(settings, quick=True).log.newest(model)
    except (AccessError, ConfigurationError, UnreachableError):
        return None
    return deployment.champion.version if deployment else None


# As workers do; a transaction that somebody leaves open must not stop those who read.
_READER = {"isolation_level": "read_uncommitted"}


def _read_to_end(
    consumer: KafkaConsumer,
    topic: str,
    log: ControlLog,
    records: list[ControlRecord],
    settings: Settings,
) -> None:
    partition = TopicPartition(topic, 0)
    if not consumer.partitions_for_topic(topic):
        describe_topics(settings, [topic])  # tells a topic that is hidden from one that is missing
        raise ConfigurationError(
            f"Kafka at {settings.kafka} has no topic '{topic}': run 'millrace up' for a local "
            "stack, 'millrace setup' for any other"
        )
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    deadline = datetime.now(UTC).timestamp() + READ_TIMEOUT_SECONDS
    while consumer.position(partition) < end:
        for record in consumer.poll(timeout_ms=500).get(partition, []):
            records.append(_judge(log, record))
            if isinstance(record.value, NotUnpacked):  # one record stands for all of its batch
                consumer.seek(partition, record.value.last_offset + 1)
                break
        if datetime.now(UTC).timestamp() > deadline:
            raise UnreachableError(
                f"Kafka at {settings.kafka} gave only a part of '{topic}' within "
                f"{READ_TIMEOUT_SECONDS:.0f} s: try again"
            )


def _judge(log: ControlLog, record: object) -> ControlRecord:
    offset, value, key, timestamp, kind = (
        getattr(record, name) for name in ("offset", "value", "key", "timestamp", "timestamp_type")
    )
    at = _send_time(timestamp)
    deployment, rejected = None, None
    try:
        deployment = log.accept(value, at if kind == APPENDED else None)
    except (SignatureError, DeploymentError) as error:
        rejected = str(error)
    return ControlRecord(
        offset=offset,
        at=at,
        key=None if key is None else key.decode(errors="replace"),
        deployment=deployment,
        rejected=rejected,
    )


def _send_time(milliseconds: int) -> datetime:
    """Any client may write any time into a record."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
