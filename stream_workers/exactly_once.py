"""Outputs and positions in one Kafka transaction per batch (KIP-98), fenced by the consumer's
group generation (KIP-447): a reader of committed records sees each prediction once."""

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import confluent_kafka
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from stream_workers.delivery import Spans, hand_over, raise_if_forbidden
from stream_workers.kafka_calls import GivenUp, KafkaCalls
from stream_workers.outputs import Output
from stream_workers.watermark import Partition

log = structlog.get_logger("stream_workers.exactly_once")

_COMMITTED_SECONDS = 5.0
_BATCH_SECONDS = 20.0
"""Kafka aborts the transaction itself after the session timeout, so waiting on would not help."""
_LOOK_SECONDS = 1.0


class ExactlyOnce:
    """Commits batch after batch; while one is being committed, the next is scored.

    A transaction begins after scoring, so that a slow model does not hold it open, and only after
    the one before is committed. Whatever goes wrong aborts it: then nothing of the batch is
    visible, and reading goes on from the position that Kafka has. A worker that was taken for dead
    cannot commit, as its group generation is over.

    Two producers take turns: Kafka answers a commit before it has written its markers, and the
    next transaction of the same producer is put off for 20 ms then (seen with librdkafka 2.16).

    Args:
        producer_settings: librdkafka's, with a `transactional.id` that no other process has.
        stopping: ends waiting for a Kafka that does not answer.
    """

    def __init__(
        self,
        producer_settings: Mapping[str, Any],
        consumer: confluent_kafka.Consumer,
        stopping: threading.Event,
    ) -> None:
        self._settings = dict(producer_settings)
        name = self._settings.pop("transactional.id")
        self._turns = deque([f"{name}-0", f"{name}-1"])
        self._producers: dict[str, confluent_kafka.Producer] = {}
        self._consumer = consumer
        self._stopping = stopping
        self._generation: Any = None
        self._connecting: tuple[confluent_kafka.Producer, KafkaCalls] | None = None
        self._under_way: tuple[Spans, KafkaCalls] | None = None
        self._again: dict[Partition, int] = {}
        self.failure: str | None = None
        self.unfinished_since: float | None = None

    def deliver(self, spans: Spans, outputs: Iterable[Output]) -> None:
        """Commit a batch's outputs and the positions after it, or nothing of both."""
        scored = list(outputs)
        self.finish()
        if self.failure is not None:
            self._read_again(spans)
            return
        if self.unfinished_since is None:
            self.unfinished_since = time.monotonic()
        try:
            producer = self._producer(_BATCH_SECONDS)
            producer.begin_transaction()
            for output in scored:
                hand_over(producer, output)
        except (KafkaException, GivenUp) as error:
            self._abort(spans, error)
        else:
            self._under_way = spans, self._commit(producer, spans)

    def poll(self) -> None:
        """Learn what became of the batch under way, if that is decided."""
        if self._under_way is not None and self._under_way[1].over:
            self.finish()

    def commit(self) -> bool:
        """Nothing to commit: every batch is."""
        return False

    def finish(self) -> None:
        """Wait for the batch under way."""
        if self._under_way is None:
            return
        spans, committed = self._under_way
        self._under_way = None
        try:
            committed.finish(_BATCH_SECONDS)
            self._turns.rotate()
            self.unfinished_since = None
        except (KafkaException, GivenUp) as error:
            self._abort(spans, error)

    def restart(self) -> list[TopicPartition] | None:
        """Go back to what Kafka has as committed.

        Only Kafka knows what became of a transaction whose producer was given up; a new producer
        of the same name ends it first, and whatever the old one may yet try.
        """
        wanted = [TopicPartition(*partition) for partition in self._again]
        try:
            self._producer(_LOOK_SECONDS)
            found = self._consumer.committed(wanted, _COMMITTED_SECONDS) if wanted else []
        except KafkaException as error:
            raise_if_forbidden(error.args[0])
            self.failure = error.args[0].str()
            return None
        except GivenUp:
            return None
        if any(position.error is not None for position in found):
            return None
        firsts, self._again, self.failure = self._again, {}, None
        return [
            TopicPartition(p.topic, p.partition, p.offset if p.offset >= 0 else first)
            for p, first in zip(found, firsts.values(), strict=True)
        ]

    def assigned(self) -> None:
        """Keep the generation these partitions were given in.

        Asked for later, a consumer that has left its group would answer with no generation at
        all, and Kafka takes transactional positions without one from anybody.
        """
        self._generation = self._consumer.consumer_group_metadata()

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget partitions; what is under way for them, Kafka refuses."""
        for partition in partitions:
            self._again.pop(partition, None)
        if self._under_way is None and not self._again:
            self.unfinished_since = None

    def _producer(self, most_seconds: float) -> confluent_kafka.Producer:
        """The one whose turn it is; a new one is waited for at most so long, and goes on connecting
        after that."""
        name = self._turns[0]
        if name in self._producers:
            return self._producers[name]
        if self._connecting is None:
            producer = confluent_kafka.Producer({**self._settings, "transactional.id": name})
            self._connecting = producer, KafkaCalls(self._stopping, producer.init_transactions)
        producer, connected = self._connecting
        try:
            if not connected.succeed(most_seconds):
                if connected.hung:
                    connected.give_up()
                    self._connecting = None
                raise GivenUp("Kafka does not let a new producer begin yet")
        except KafkaException:
            self._connecting = None
            raise
        self._connecting = None
        self._producers[name] = producer
        return producer

    def _commit(self, producer: confluent_kafka.Producer, spans: Spans) -> KafkaCalls:
        positions = [TopicPartition(*partition, after) for partition, (_, after) in spans.items()]
        send = partial(producer.send_offsets_to_transaction, positions, self._generation)
        return KafkaCalls(self._stopping, send, producer.commit_transaction)

    def _abort(self, spans: Spans, error: KafkaException | GivenUp) -> None:
        self._read_again(spans)
        producer = self._producers.pop(self._turns[0], None)
        if isinstance(error, GivenUp):
            self.failure = str(error)
            return
        cause: KafkaError = error.args[0]
        raise_if_forbidden(cause)
        self.failure = cause.str()
        if producer is None or cause.fatal():
            # The transaction timed out or was fenced, so it is over: a new producer may go on.
            return
        try:
            KafkaCalls(self._stopping, producer.abort_transaction).finish(_BATCH_SECONDS)
        except (KafkaException, GivenUp) as failure:
            log.warning("the transaction is left to its timeout", reason=str(failure))
        else:
            self._producers[self._turns[0]] = producer

    def _read_again(self, spans: Spans) -> None:
        for partition, (first, _) in spans.items():
            self._again.setdefault(partition, first)
