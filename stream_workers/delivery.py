"""How outputs reach Kafka and how positions are committed: what the lane asks of either way."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import confluent_kafka
from confluent_kafka import KafkaError, TopicPartition

from contracts.errors import DeliveryError
from contracts.kafka_reading import FORBIDDEN, Partition
from stream_workers.outputs import Output

Spans = Mapping[Partition, tuple[int, int]]
"""Per partition the offset of a batch's first record there, and the offset after its last."""

FLUSH_SECONDS = 10.0
IDLE_SECONDS = 0.1
"""How long the lane waits for a record where nothing else waits."""
_FULL_QUEUE_WAIT_SECONDS = 0.05


class Delivery(Protocol):
    """Used by the lane's thread alone."""

    @property
    def failure(self) -> str | None:
        """Why records have to be read again; `restart` tells from where."""

    @property
    def unfinished_since(self) -> float | None:
        """Since when, by `time.monotonic`, the oldest batch waits for Kafka; for any thread."""

    @property
    def patience(self) -> float:
        """How long the lane may wait for the next record before it calls `poll`, seconds."""

    def deliver(self, spans: Spans, outputs: Sequence[Output]) -> None:
        """Produce a batch's outputs, so that its positions are committed with or after them.

        Raises:
            DeliveryError: Kafka refuses this worker for good.
        """

    def poll(self) -> None:
        """Take in what Kafka has acknowledged by now."""

    def commit(self) -> bool:
        """Commit what is finished; whether there was anything."""

    def finish(self) -> None:
        """Wait until what was delivered is acknowledged, and commit it."""

    def restart(self) -> list[TopicPartition] | None:
        """Forget what is unfinished; where to read again, None if that cannot be told yet."""

    def assigned(self) -> None:
        """Take note that the group has given this worker its partitions."""

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget partitions that now belong to somebody else."""


def hand_over(
    producer: confluent_kafka.Producer,
    outputs: Iterable[Output],
    delivered: Callable[..., None] | None = None,
) -> None:
    """Give outputs to the producer; where its queue is full, wait rather than grow.

    Raises:
        KafkaException: a record can never be sent; those after it were not given.
    """
    produce: Any = producer.produce
    for output in outputs:
        while True:
            try:
                # By position, since names take half as long again.
                produce(
                    output.topic,
                    output.value,
                    output.key,
                    output.partition,
                    delivered,
                    None,
                    0,
                    output.headers,
                )
                break
            except BufferError:
                producer.poll(_FULL_QUEUE_WAIT_SECONDS)


def raise_if_final(error: KafkaError) -> None:
    """Tell errors that waiting does not mend.

    Raises:
        DeliveryError: it is one of those.
    """
    if error.fatal():
        raise DeliveryError(f"Kafka refused this worker for good: {error.str()}; restart it")
    raise_if_forbidden(error)


def raise_if_forbidden(error: KafkaError) -> None:
    """Tell errors of missing permissions.

    Raises:
        DeliveryError: it is one of those.
    """
    if error.code() in FORBIDDEN:
        raise DeliveryError(f"this worker may not do that: {error.str()}; check its Kafka ACLs")
