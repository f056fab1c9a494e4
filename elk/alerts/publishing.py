"""Writing alerts to their topic."""

from collections.abc import Sequence
from contextlib import closing

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from contracts.alerts import Alert
from contracts.kafka import python_client_settings
from contracts.kafka_access import refusal
from contracts.settings import Settings
from contracts.topics import Topics

_WITHIN_MS = 15_000


def publish_alerts(settings: Settings, alerts: Sequence[Alert]) -> None:
    """Write them in this order; returns when every replica has them.

    Raises:
        UnreachableError: Kafka did not confirm it; what is missing is found again by the next
            cycle, what is there is known by then.
        AccessError: it does not allow that.
    """
    topic = Topics(settings).alerts.name
    try:
        producer = KafkaProducer(
            **python_client_settings(settings),
            acks="all",
            delivery_timeout_ms=_WITHIN_MS,
            request_timeout_ms=_WITHIN_MS // 2,
            max_block_ms=_WITHIN_MS,
            allow_auto_create_topics=False,
        )
        with closing(producer):
            for alert in alerts:
                value = msgspec.json.encode(alert)
                sent = producer.send(topic, key=alert.model.encode(), value=value, partition=0)
                sent.get(timeout=_WITHIN_MS / 1000)
    except KafkaError as error:
        raise refusal(settings, error) from error
