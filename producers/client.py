"""The producer: feature events and labels, typed, onto Kafka, with delivery reports."""

import threading
from types import TracebackType
from typing import Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from contracts.dead_letters import PRODUCER_HEADER
from contracts.errors import ConfigurationError, DeliveryError
from contracts.events import SCHEMA_VERSION_HEADER, FeatureEvent, Label
from contracts.kafka import describe_topics, python_client_settings, require_rights
from contracts.kafka_access import refusal
from contracts.settings import Settings
from contracts.topics import Topics
from producers.partitioner import KeyPartitioner
from producers.unacknowledged import OnDelivery, Unacknowledged
from producers.validation import Validator

Header = tuple[str, bytes]

MAX_BUFFERED_BYTES = 64 * 1024 * 1024
"""Of all unacknowledged values together."""

_BATCH_BYTES = 128 * 1024
_LINGER_MS = 5
_ROOM_FOR_KEY_AND_HEADERS = 64 * 1024
_TIMEOUT_MARGIN = 5.0
"""Seconds; lets Kafka's own timeout speak first, as it knows what became of each record."""

_SCHEMA_VERSION: Header = (SCHEMA_VERSION_HEADER, b"1")


class FeatureProducer:
    """Sends feature events and labels; idempotent, acknowledged by all in-sync replicas.

    `send` returns at once as long as few enough records are unacknowledged, then it blocks
    (back-pressure). Every record ends in a delivery report, in the order of sending: its
    `on_delivery` if it was given one, else failures are raised by the next `send` or `flush`.
    Reports are made from within `send`, `poll`, `wait_for_room` and `flush`, in the caller's
    thread; who sends seldom calls `poll`. Threads may share a producer.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not let us in, or does not allow us to write.
        ConfigurationError: Kafka lacks the topics.
    """

    def __init__(self, settings: Settings) -> None:
        topics = Topics(settings)
        self._topics, self._labels = topics, topics.labels.name
        self._address = settings.kafka
        self._timeout = settings.delivery_timeout_seconds
        self._validate = Validator(settings)
        self._usual_headers = [_SCHEMA_VERSION]
        if settings.producer_name:
            self._usual_headers.append((PRODUCER_HEADER, settings.producer_name.encode()))
        self._pending = Unacknowledged(settings.producer_unacknowledged, MAX_BUFFERED_BYTES)
        self._lock = threading.RLock()
        _require_topics(settings, [*(topic.name for topic in topics.inputs), self._labels])
        self._kafka = _connect(settings)

    @property
    def unacknowledged(self) -> int:
        """How many records were sent and neither acknowledged nor failed yet."""
        return len(self._pending)

    def send(
        self,
        event: FeatureEvent,
        *,
        on_delivery: OnDelivery | None = None,
        traceparent: str | None = None,
        headers: tuple[Header, ...] = (),
    ) -> None:
        """Check an event and hand it over to be sent, keyed by its entity.

        Args:
            traceparent: W3C trace context, passed through to the prediction.

        Raises:
            UsageError: the event could only become a dead letter; it was not sent.
            DeliveryError: earlier records without `on_delivery` failed, or there was no room
                for the whole delivery timeout; this event was not sent.
        """
        key, value = self._validate.event(event)
        if traceparent is not None:
            headers = (("traceparent", traceparent.encode("ascii", "replace")), *headers)
        topic = self._topics.of_model(event.model).name
        self._hand_over(topic, key, value, headers, on_delivery)

    def send_label(
        self,
        label: Label,
        *,
        on_delivery: OnDelivery | None = None,
        headers: tuple[Header, ...] = (),
    ) -> None:
        """Check a label and hand it over to be sent, keyed by its event.

        Raises:
            UsageError, DeliveryError: as `send`.
        """
        key, value = self._validate.label(label)
        self._hand_over(self._labels, key, value, headers, on_delivery)

    def send_encoded(
        self,
        key: bytes,
        value: bytes,
        *,
        model: str | None = None,
        on_delivery: OnDelivery | None = None,
        headers: tuple[Header, ...] = (),
    ) -> None:
        """Hand over an event that is encoded already; nothing but its size is checked.

        Args:
            model: that of the event, for models with a topic of their own.

        Raises:
            UsageError, DeliveryError: as `send`.
        """
        self._validate.size(value, key.decode("utf-8", "replace"))
        topic = self._topics.of_model(model).name
        self._hand_over(topic, key, value, headers, on_delivery)

    def poll(self) -> None:
        """Make the delivery reports that are due.

        Raises:
            DeliveryError: the oldest record is undecided for longer than the delivery timeout.
        """
        with self._lock:
            self._pending.report()
            self._raise_overdue()

    def wait_for_room(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds until `send` would not block; False if it would.

        Raises:
            DeliveryError: as `poll`.
        """
        if not self._pending.full:
            return True
        with self._lock:
            room = self._pending.wait_for_room(timeout)
            self._raise_overdue()
            return room

    def wait_until_acknowledged(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds; whether everything sent was reported by then."""
        with self._lock:
            return self._pending.wait(lambda: not self._pending, timeout)

    def flush(self, timeout: float | None = None) -> None:
        """Wait until every record is acknowledged.

        Args:
            timeout: seconds; default: the delivery timeout, after which nothing is pending.

        Raises:
            DeliveryError: records failed or are still unacknowledged; it says how many.
        """
        if timeout is None:
            timeout = self._timeout + _TIMEOUT_MARGIN
        with self._lock:
            if not self.wait_until_acknowledged(timeout):
                raise DeliveryError(
                    f"Kafka at {self._address} did not acknowledge {len(self._pending):,} records "
                    f"within {timeout:g} s"
                )
            self._raise_failures()

    def close(self, timeout: float | None = None) -> None:
        """Flush and disconnect; what is still unacknowledged afterwards is given up.

        Raises:
            DeliveryError: as `flush`.
        """
        try:
            self.flush(timeout)
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Disconnect without waiting; unacknowledged records may or may not arrive."""
        if self._pending:
            # close() alone would raise here, and leave the network thread trying.
            self._kafka._sender.force_close()
        self._kafka.close(timeout=5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        else:
            self.abandon()

    def _hand_over(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        headers: tuple[Header, ...],
        on_delivery: OnDelivery | None,
    ) -> None:
        pending = self._pending
        with self._lock:
            pending.report()
            if pending.full:
                self._block()
            if pending.failures:
                self._raise_failures()
            try:
                record = self._kafka.send(
                    topic,
                    key=key,
                    value=value,
                    headers=[*self._usual_headers, *headers] if headers else self._usual_headers,
                )
            except KafkaError as error:
                raise DeliveryError(
                    f"Kafka at {self._address} takes no records: {error}"
                ) from error
            pending.add(record, topic, len(value), on_delivery)

    def _block(self) -> None:
        if not self._pending.wait_for_room(self._timeout + _TIMEOUT_MARGIN):
            raise DeliveryError(
                f"Kafka at {self._address} did not acknowledge {len(self._pending):,} records "
                f"within {self._timeout:g} s"
            )

    def _raise_overdue(self) -> None:
        # kafka-python 3.0.12 expires only some of the batches when a broker stops answering.
        if self._pending.oldest_age > self._timeout + _TIMEOUT_MARGIN:
            raise DeliveryError(
                f"Kafka at {self._address} has left {len(self._pending):,} records undecided for "
                f"more than {self._timeout:g} s"
            )

    def _raise_failures(self) -> None:
        count, first = self._pending.failures, self._pending.first_failure
        self._pending.forget_failures()
        if count:
            raise DeliveryError(
                f"Kafka at {self._address} did not acknowledge {count:,} records "
                f"({len(self._pending):,} more are undecided); the first: {first}"
            )


def _require_topics(settings: Settings, names: list[str]) -> None:
    # kafka-python 3.0 ignores the producer's allow_auto_create_topics=False: asking it for a
    # topic that is not there would create it, with the broker's number of partitions.
    missing = sorted(set(names) - set(describe_topics(settings, names)))
    if missing:
        raise ConfigurationError(
            f"Kafka at {settings.kafka} has no topic {', '.join(missing)}: start the system with "
            "'millrace up', or check MILLRACE_TOPIC_PREFIX"
        )
    require_rights(settings, write=names)


def _connect(settings: Settings) -> KafkaProducer:
    timeout_ms = int(settings.delivery_timeout_seconds * 1000)
    try:
        return KafkaProducer(
            **python_client_settings(settings),
            client_id="millrace-producer",
            enable_idempotence=True,
            acks="all",
            compression_type="lz4",
            batch_size=_BATCH_BYTES,
            linger_ms=_LINGER_MS,
            partitioner=KeyPartitioner(),
            max_request_size=settings.max_event_bytes + _ROOM_FOR_KEY_AND_HEADERS,
            delivery_timeout_ms=timeout_ms,
            request_timeout_ms=min(30_000, timeout_ms // 2),
            max_block_ms=10_000,
            reconnect_backoff_max_ms=1000,
            metrics_enabled=False,
        )
    except KafkaError as error:
        raise refusal(settings, error) from error
