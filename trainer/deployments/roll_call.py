"""Asking the workers which versions they run, and reading their answers (`model-events`)."""

import time
import uuid
from collections.abc import Collection
from contextlib import closing
from datetime import UTC, datetime

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError

from contracts.consumers import python_consumer
from contracts.kafka import python_client_settings
from contracts.kafka_access import refusal
from contracts.model_events import ModelEvent
from contracts.settings import Settings
from contracts.topics import Topics
from trainer.author import author

PATIENCE_SECONDS = 5.0
_QUIET_SECONDS = 1.0
_events = msgspec.json.Decoder(ModelEvent)


def call_roll(
    settings: Settings, model: str, expected: Collection[str], patience: float = PATIENCE_SECONDS
) -> list[ModelEvent]:
    """Ask every running worker what it runs for a model.

    Args:
        expected: members known to run; nobody waits longer once all of them have answered.
        patience: seconds to wait for them.

    Returns:
        One answer per worker, in the order of their names.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not let us write or read `model-events`.
    """
    partition = TopicPartition(Topics(settings).model_events.name, 0)
    try:
        with closing(python_consumer(settings)) as reader:
            reader.assign([partition])
            reader.seek(partition, reader.end_offsets([partition])[partition])
            question = _ask(settings, partition.topic, model)
            answers = _collect(reader, question, set(expected), patience)
    except KafkaError as error:
        raise refusal(settings, error) from error
    return sorted(answers.values(), key=lambda answer: answer.member)


def _ask(settings: Settings, topic: str, model: str) -> str:
    question = uuid.uuid4().hex
    event = ModelEvent(
        event="asked",
        model=model,
        at=datetime.now(UTC),
        member=f"cli-{question[:8]}",
        author=author(),
        question=question,
    )
    with closing(KafkaProducer(**python_client_settings(settings), acks="all")) as producer:
        producer.send(topic, key=model.encode(), value=msgspec.json.encode(event)).get(timeout=10)
    return question


def _collect(
    reader: KafkaConsumer, question: str, expected: set[str], patience: float
) -> dict[str, ModelEvent]:
    """Those expected, and whoever else answers within a second."""
    answers: dict[str, ModelEvent] = {}
    began = time.monotonic()
    while (waited := time.monotonic() - began) < patience:
        if waited >= _QUIET_SECONDS and expected <= answers.keys():
            break
        for records in reader.poll(timeout_ms=200).values():
            for record in records:
                try:
                    event = _events.decode(record.value or b"")
                except (ValueError, RecursionError):
                    continue
                if event.event == "serving" and event.question == question:
                    answers[event.member] = event
    return answers
