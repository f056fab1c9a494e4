"""One retrainer at a time does the work: the member of the group that has the topic `alerts`.

The group is asked who leads and for nothing else: no position is kept, since everything is read
from the beginning. One that is taken for dead while it works is told too late; the log decides
then (`carrying.py`).
"""

from typing import Any

import confluent_kafka
import structlog
from confluent_kafka import KafkaException

from contracts.errors import MillraceError, UnreachableError
from contracts.kafka import consumer_group, librdkafka_settings
from contracts.kafka_access import forbidden
from contracts.kafka_reading import FORBIDDEN
from contracts.settings import Settings
from contracts.topics import Topics

log = structlog.get_logger("retrainer")


class Leadership:
    """Membership of the group; for one thread, which must ask again and again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._leads = False
        self._consumer = confluent_kafka.Consumer(
            {
                **librdkafka_settings(settings),
                "group.id": consumer_group(settings, "retrainer"),
                "session.timeout.ms": settings.session_timeout_ms,
                "heartbeat.interval.ms": settings.session_timeout_ms // 3,
                "partition.assignment.strategy": "cooperative-sticky",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
            }
        )
        self._consumer.subscribe(
            [Topics(settings).alerts.name],
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_revoke,
        )

    def leads(self, most_seconds: float) -> bool:
        """Whether this one does the work, after waiting so long for news of the group.

        Raises:
            AccessError: Kafka does not allow it.
            MillraceError: Kafka refused for good.
        """
        message = self._consumer.poll(most_seconds)
        error = None if message is None else message.error()
        if error is not None:
            if error.code() in FORBIDDEN:
                raise forbidden(self._settings, error.str())
            if error.fatal():
                raise MillraceError(f"Kafka refused this retrainer for good: {error.str()}")
            log.warning("waiting for Kafka", why=error.str())
        return self._leads

    def close(self) -> None:
        """Leave the group, so that another leads at once.

        Raises:
            UnreachableError: Kafka does not answer.
        """
        try:
            self._consumer.close()
        except KafkaException as error:
            raise UnreachableError(f"the group was not left: {error}") from error

    def _on_assign(self, consumer: Any, places: list[confluent_kafka.TopicPartition]) -> None:
        consumer.incremental_assign(places)
        if places:
            consumer.pause(places)
            self._leads = True
            log.info("this retrainer does the work")

    def _on_revoke(self, consumer: Any, places: list[confluent_kafka.TopicPartition]) -> None:
        if places:
            self._leads = False
            log.info("another retrainer does the work")
