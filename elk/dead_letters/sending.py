"""Putting original records back onto the topic they came from."""

from collections.abc import Sequence
from typing import Any, cast

import confluent_kafka as ck
from msgspec import Struct

from contracts.kafka import librdkafka_settings
from contracts.settings import Settings
from contracts.topics import Topics
from prediction_log.replays import Acknowledged

_CERTAINLY_NOT_TAKEN = frozenset(
    {
        ck.KafkaError.MSG_SIZE_TOO_LARGE,
        ck.KafkaError.TOPIC_AUTHORIZATION_FAILED,
        ck.KafkaError.UNKNOWN_TOPIC_OR_PART,
        ck.KafkaError._UNKNOWN_TOPIC,
        ck.KafkaError._UNKNOWN_PARTITION,
    }
)
"""After any other error the record may be on its topic all the same."""


class Outgoing(Struct, frozen=True):
    """A record to be sent."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class NotSent(Struct, frozen=True):
    """Why a record was not acknowledged. `certain`: Kafka surely does not have it."""

    reason: str
    certain: bool


class Sender:
    """An idempotent producer: what it sends is on its topic once, whatever it tries again."""

    def __init__(self, settings: Settings) -> None:
        room = int(Topics(settings).dead_letters.config["max.message.bytes"])
        self._producer = ck.Producer(
            {
                **librdkafka_settings(settings),
                "client.id": "millrace-replay",
                "enable.idempotence": True,
                "compression.type": "lz4",
                "linger.ms": 5,
                "message.max.bytes": room,
                "message.timeout.ms": int(settings.delivery_timeout_seconds * 1000),
            }
        )

    def send(self, records: Sequence[Outgoing]) -> list[Acknowledged | NotSent]:
        """Send records and wait for what becomes of each."""
        results: list[Acknowledged | NotSent] = [
            NotSent("Kafka did not answer in time", certain=False) for _ in records
        ]

        def report(number: int) -> Any:
            def delivered(error: ck.KafkaError | None, message: ck.Message) -> None:
                if error is None:
                    place = (message.topic(), message.partition(), message.offset())
                    results[number] = Acknowledged(*cast(tuple[str, int, int], place))
                else:
                    results[number] = _not_sent(error)

            return delivered

        for number, record in enumerate(records):
            try:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    record.partition,
                    report(number),
                    headers=cast(Any, record.headers),
                )
            except ck.KafkaException as error:
                results[number] = _not_sent(error.args[0])
            except BufferError:
                results[number] = NotSent("too many records wait to be sent", certain=True)
        self._producer.flush()  # ends by message.timeout.ms at the latest
        return results


def _not_sent(error: ck.KafkaError) -> NotSent:
    return NotSent(error.str(), error.code() in _CERTAINLY_NOT_TAKEN)
