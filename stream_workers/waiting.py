"""Events of a model that was paused go back to where they came from: each once.

What is read and what is written are one Kafka transaction per batch, as in the worker, with a
group and a transactional id per model: of two who do it at once the later one goes on alone, and
one that is killed is continued where it was.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contracts.dead_letters import Headers
from contracts.errors import DeliveryError
from contracts.kafka import consumer_group, describe_topics, librdkafka_settings
from contracts.kafka_reading import headers_of
from contracts.settings import Settings
from contracts.topics import Topics
from contracts.waiting import marks, unmarked

_BATCH = 5000
_SECONDS = 30.0
_POLL_SECONDS = 1.0
_SOON = frozenset(
    {
        KafkaError.NOT_COORDINATOR,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    }
)


def return_waiting(
    settings: Settings,
    model: str,
    since: datetime | None = None,
    returned: Callable[[int], None] = lambda _: None,
) -> int:
    """Put the events that wait for a model back onto their topics, in order.

    Args:
        since: when the pause began, where Kafka has forgotten how far an earlier resume came
            (`offsets.retention.minutes`): what waited before then was returned then.
        returned: told after every batch how many it were.

    Returns:
        How many there were.

    Raises:
        DeliveryError: Kafka did not take them; run it again, it goes on where it was.
    """
    topics = Topics(settings)
    inputs, most = {topic.name for topic in topics.inputs}, settings.max_event_bytes
    partitions = describe_topics(settings, [topics.waiting.name])[topics.waiting.name].partitions
    group = f"{consumer_group(settings, 'waiting')}-{model}"
    total = 0
    try:
        with closing(_consumer(settings, group)) as consumer:
            producer = _producer(settings, group, topics)
            _start_at_committed(consumer, topics.waiting.name, partitions, since)
            for batch in _batches(consumer, partitions):
                records = [record for record in batch if _is_for(record, model, inputs, most)]
                _return(producer, consumer, records)
                total += len(records)
                returned(len(records))
    except KafkaException as error:
        raise DeliveryError(
            f"events of '{model}' still wait: {error.args[0].str()}; run it again, it goes on "
            "where it was"
        ) from error
    return total


def _consumer(settings: Settings, group: str) -> confluent_kafka.Consumer:
    return confluent_kafka.Consumer(
        {
            **librdkafka_settings(settings),
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )


def _producer(settings: Settings, group: str, topics: Topics) -> confluent_kafka.Producer:
    producer = confluent_kafka.Producer(
        {
            **librdkafka_settings(settings),
            "transactional.id": group,
            "compression.type": "lz4",
            "linger.ms": 5,
            "message.max.bytes": int(topics.waiting.config["max.message.bytes"]),
        }
    )
    producer.init_transactions(_SECONDS)
    return producer


def _start_at_committed(
    consumer: confluent_kafka.Consumer, topic: str, partitions: int, since: datetime | None
) -> None:
    wanted = [TopicPartition(topic, number) for number in range(partitions)]
    found = _committed(consumer, wanted)
    unknown = [place for place in found if place.offset < 0]
    if since is None:
        begin = {place.partition: confluent_kafka.OFFSET_BEGINNING for place in unknown}
    else:
        moment = int(since.timestamp() * 1000)
        asked = [TopicPartition(topic, place.partition, moment) for place in unknown]
        answers = consumer.offsets_for_times(asked, _SECONDS) if asked else []
        begin = {place.partition: place.offset for place in answers}
    consumer.assign(
        [TopicPartition(topic, p.partition, begin.get(p.partition, p.offset)) for p in found]
    )


def _committed(
    consumer: confluent_kafka.Consumer, wanted: list[TopicPartition]
) -> list[TopicPartition]:
    """A group that is asked for the first time has no coordinator for a moment."""
    deadline = time.monotonic() + _SECONDS
    while True:
        try:
            found: list[TopicPartition] = consumer.committed(wanted, _SECONDS)
            errors = [place.error for place in found if place.error is not None]
            if not errors:
                return found
            raise KafkaException(errors[0])
        except KafkaException as error:
            if error.args[0].code() not in _SOON or time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def _batches(consumer: confluent_kafka.Consumer, partitions: int) -> Iterator[list[Any]]:
    """What there is up to the present ends of all partitions."""
    at_end: set[int | None] = set()
    while len(at_end) < partitions:
        batch = []
        for message in consumer.consume(_BATCH, _POLL_SECONDS):
            error = message.error()
            if error is None:
                batch.append(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                at_end.add(message.partition())
            else:
                raise KafkaException(error)
        if batch:
            yield batch


def _is_for(message: confluent_kafka.Message, model: str, inputs: set[str], most: int) -> bool:
    """Anybody who may write there may have written it: what no worker wrote is left."""
    waits = marks(_headers(message))
    fits = len(message.value() or b"") <= most
    return fits and waits is not None and waits[0] == model and waits[1] in inputs


def _headers(message: confluent_kafka.Message) -> Headers:
    return [(name, value) for name, value in headers_of(message) or [] if value is not None]


def _return(
    producer: confluent_kafka.Producer,
    consumer: confluent_kafka.Consumer,
    records: Sequence[confluent_kafka.Message],
) -> None:
    producer.begin_transaction()
    for message in records:
        headers = _headers(message)
        producer.produce(
            marks(headers)[1],  # type: ignore[index]
            message.value(),
            message.key(),
            message.partition() or 0,
            headers=unmarked(headers),  # type: ignore[arg-type]
        )
        producer.poll(0)
    positions = consumer.position(consumer.assignment())
    producer.send_offsets_to_transaction(
        [position for position in positions if position.offset >= 0],
        consumer.consumer_group_metadata(),
        _SECONDS,
    )
    producer.commit_transaction(_SECONDS)
