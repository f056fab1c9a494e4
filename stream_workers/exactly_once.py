"""Outputs and positions in one Kafka transaction per batch (KIP-98), fenced by the consumer's
group generation (KIP-447): a reader of committed records sees each prediction once."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import confluent_kafka
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from stream_workers.delivery import Spans, hand_over, raise_if_forbidden
from stream_workers.outputs import Output
from stream_workers.watermark import Partition

log = structlog.get_logger("stream_workers.exactly_once")

_CALL_SECONDS = 1.0
_CALLS_WHEN_STOPPING = 4


class ExactlyOnce:
    """Commits batch after batch; while one is being committed, the next is scored.

    A transaction begins after scoring, so that a slow model does not hold it open, and only after
    the one before is committed. Whatever goes wrong aborts it: then nothing of the batch is
    visible, and the batch is read again. A worker that was taken for dead cannot commit, as its
    group generation is over.

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
        self._committer = ThreadPoolExecutor(1, "committer")
        self._under_way: tuple[Spans, Future[None]] | None = None
        self._again: dict[Partition, int] = {}
        self.failure: str | None = None

    def deliver(self, spans: Spans, outputs: Iterable[Output]) -> None:
        """Commit a batch's outputs and the positions after it, or nothing of both."""
        scored = list(outputs)
        self.finish()
        if self.failure is not None:
            self._read_again(spans)
            return
        try:
            producer = self._producers.get(self._turns[0]) or self._connect(self._turns[0])
            producer.begin_transaction()
            for output in scored:
                hand_over(producer, output)
        except KafkaException as error:
            self._abort(spans, error.args[0])
        else:
            self._under_way = spans, self._committer.submit(self._commit, producer, spans)

    def poll(self) -> None:
        """Learn what became of the batch under way, if that is decided."""
        if self._under_way is not None and self._under_way[1].done():
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
            committed.result()
            self._turns.rotate()
        except KafkaException as error:
            self._abort(spans, error.args[0])

    def restart(self) -> list[TopicPartition]:
        """Go back to the beginning of what was aborted."""
        again, self._again, self.failure = self._again, {}, None
        return [TopicPartition(*partition, offset) for partition, offset in again.items()]

    def assigned(self) -> None:
        """Keep the generation these partitions were given in.

        Asked for later, a consumer that has left its group would answer with no generation at
        all, and Kafka takes transactional positions without one from anybody.
        """
        self._generation = self._consumer.consumer_group_metadata()

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget partitions."""
        for partition in partitions:
            self._again.pop(partition, None)

    def _connect(self, name: str) -> confluent_kafka.Producer:
        producer = confluent_kafka.Producer({**self._settings, "transactional.id": name})
        self._insist(producer.init_transactions)
        self._producers[name] = producer
        return producer

    def _commit(self, producer: confluent_kafka.Producer, spans: Spans) -> None:
        positions = [TopicPartition(*partition, after) for partition, (_, after) in spans.items()]
        self._insist(producer.send_offsets_to_transaction, positions, self._generation)
        self._insist(producer.commit_transaction)

    def _insist(self, call: Callable[..., None], *arguments: Any) -> None:
        """Repeat a call as long as Kafka may yet answer it."""
        calls_left = _CALLS_WHEN_STOPPING
        while True:
            try:
                return call(*arguments, _CALL_SECONDS)
            except KafkaException as error:
                calls_left -= self._stopping.is_set()
                if not error.args[0].retriable() or not calls_left:
                    raise

    def _abort(self, spans: Spans, error: KafkaError) -> None:
        raise_if_forbidden(error)
        self.failure = error.str()
        self._read_again(spans)
        producer = self._producers.pop(self._turns[0], None)
        if producer is None or error.fatal():
            # The transaction timed out or was fenced, so it is over: a new producer may go on.
            return
        try:
            self._insist(producer.abort_transaction)
        except KafkaException as failure:
            log.warning("the transaction is left to its timeout", reason=failure.args[0].str())
        else:
            self._producers[self._turns[0]] = producer

    def _read_again(self, spans: Spans) -> None:
        for partition, (first, _) in spans.items():
            self._again.setdefault(partition, first)
