"""The hot path: one thread that reads, scores and produces, and never touches asyncio.

Batches form by themselves: while one is scored the next records gather in librdkafka's queue.
Delivery reports move a watermark per partition; only what it has passed is committed.
"""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, cast

import confluent_kafka
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contracts.errors import DeliveryError
from stream_workers.outputs import Output
from stream_workers.records import Record, from_message
from stream_workers.scoring import BatchScorer
from stream_workers.serving import Serving
from stream_workers.watermark import Batch, Partition, Watermarks

log = structlog.get_logger("stream_workers.lane")

_POLL_SECONDS = 0.1
_FLUSH_SECONDS = 10.0
_FULL_QUEUE_WAIT_SECONDS = 0.05
_RETRY_SECONDS = 1.0


class Listener(Protocol):
    """Told, from the lane's thread, which partitions came and went, and of its death."""

    def lane_assigned(self, partitions: frozenset[Partition]) -> None: ...  # noqa: D102
    def lane_revoked(self, partitions: frozenset[Partition]) -> None: ...  # noqa: D102
    def lane_crashed(self, error: BaseException) -> None: ...  # noqa: D102


class Lane(threading.Thread):
    """Consumer, scorer and producer of one worker process.

    Args:
        consumer_settings, producer_settings: librdkafka's.
        serving: gives the models to score the next batch with.
        look_up_topics: called after each assignment, before its first record is read.
        batch_size: most records per batch.
    """

    def __init__(
        self,
        consumer_settings: Mapping[str, Any],
        producer_settings: Mapping[str, Any],
        scorer: BatchScorer,
        serving: Callable[[], Serving],
        look_up_topics: Callable[[], None],
        batch_size: int,
        listener: Listener,
    ) -> None:
        super().__init__(name="lane", daemon=True)
        self.consumer = confluent_kafka.Consumer(dict(consumer_settings))
        self._producer = confluent_kafka.Producer(dict(producer_settings))
        self._scorer = scorer
        self._serving = serving
        self._look_up_topics = look_up_topics
        self._batch_size = batch_size
        self._listener = listener
        self._orders: queue.SimpleQueue[tuple[Callable[[], bool], Future[bool]]]
        self._orders = queue.SimpleQueue()
        self._watermarks = Watermarks()
        self._stopping = threading.Event()
        self._failed = False
        self.assignment: frozenset[Partition] = frozenset()

    # Orders, from any thread.

    def subscribe(self, topics: Sequence[str]) -> None:
        """Join the consumer group for these topics; the first time, start the thread."""
        self.consumer.subscribe(
            list(topics),
            on_assign=self._on_assign,
            on_revoke=self._on_revoke,
            on_lost=self._on_lost,
        )
        if not self.is_alive():
            self.start()

    def commit(self) -> "Future[bool]":
        """Commit the watermarks; the future tells whether any had moved."""
        return self._order(self._commit)

    def pause(self) -> "Future[bool]":
        """Stop reading; what was read is finished first."""
        return self._order(self._pause)

    def resume(self) -> "Future[bool]":
        """Read again from where reading stopped."""
        return self._order(self._resume)

    def stop(self) -> None:
        """Finish what was read, commit it, leave the group; returns when that is done."""
        self._stopping.set()
        if self.is_alive():
            self.join(2 * _FLUSH_SECONDS)

    def _order(self, work: Callable[[], bool]) -> "Future[bool]":
        done: Future[bool] = Future()
        if self.is_alive():
            self._orders.put((work, done))
        else:
            done.set_result(False)
        return done

    # The thread.

    def run(self) -> None:
        """Read, score and produce until stopped."""
        try:
            while not self._stopping.is_set():
                self._obey()
                self._producer.poll(0)
                if self._failed:
                    self._rewind()
                first = self.consumer.poll(_POLL_SECONDS)
                if first is not None:
                    # Whatever else has arrived by now; with a timeout it would wait for more.
                    more = self.consumer.consume(self._batch_size - 1, 0)
                    self._process([first, *more])
            self._finish()
        except BaseException as error:
            self._listener.lane_crashed(error)
            raise
        finally:
            self._stopping.set()
            self._obey()
            self.consumer.close()

    def _obey(self) -> None:
        while not self._orders.empty():
            work, done = self._orders.get()
            try:
                done.set_result(work())
            except KafkaException as error:
                done.set_exception(error)

    def _process(self, messages: Sequence[confluent_kafka.Message]) -> None:
        records: list[Record] = []
        spans: dict[Partition, tuple[int, int]] = {}
        for message in messages:
            error = message.error()
            if error is not None:
                _raise_if_fatal(error)
                continue
            record = from_message(message)
            records.append(record)
            partition = (record.topic, record.partition)
            known = spans.get(partition)
            spans[partition] = (known[0] if known else record.offset, record.offset + 1)
        batch = Batch()
        self._watermarks.begin(batch, spans)

        def delivered(error: KafkaError | None, message: confluent_kafka.Message) -> None:
            batch.outstanding -= 1
            if error is not None:
                _raise_if_fatal(error)
                batch.error = f"{message.topic()}: {error.str()}"
                self._failed = True

        for output in self._scorer.score(records, self._serving()):
            self._produce(output, batch, delivered)
        batch.sealed = True

    def _produce(self, output: Output, batch: Batch, delivered: Callable[..., None]) -> None:
        while True:
            try:
                self._producer.produce(
                    output.topic,
                    output.value,
                    output.key,
                    output.partition,
                    delivered,
                    headers=cast(Any, output.headers),
                )
                batch.outstanding += 1
                return
            except BufferError:  # Kafka is behind: wait for it rather than grow
                self._producer.poll(_FULL_QUEUE_WAIT_SECONDS)
            except KafkaException as error:
                batch.error = f"{output.topic}: {error.args[0].str()}"
                self._failed = True
                return

    def _rewind(self) -> None:
        """A record was not taken: read again from the first batch that is not finished.

        Predictions already produced after it are produced again; their documents have the same
        ids, so that none is doubled in Elasticsearch.
        """
        self._producer.flush(_FLUSH_SECONDS)
        self._watermarks.advance()
        log.error("predictions were not acknowledged; reading again", positions=self._positions())
        self._watermarks.forget_open()
        for topic_partition in self._positions():
            self.consumer.seek(topic_partition)
        self._failed = False
        self._stopping.wait(_RETRY_SECONDS)

    def _positions(self) -> list[TopicPartition]:
        known = [(p, self._watermarks.position(p)) for p in sorted(self.assignment)]
        return [TopicPartition(*p, offset) for p, offset in known if offset is not None]

    def _commit(self, wait: bool = False) -> bool:
        self._watermarks.advance()
        offsets = self._watermarks.to_commit()
        if not offsets:
            return False
        positions = [TopicPartition(*p, offset) for p, offset in offsets.items()]
        if wait:
            self.consumer.commit(offsets=positions, asynchronous=False)
        else:
            self.consumer.commit(offsets=positions)
        self._watermarks.committed(offsets)
        return True

    def _finish(self) -> None:
        left = self._producer.flush(_FLUSH_SECONDS)
        try:
            self._commit(wait=True)
        except KafkaException as error:
            log.warning("positions were not committed; they will be read again", reason=str(error))
        log.info(
            "finished what was read",
            unacknowledged=left,
            features_no_model_knows=self._scorer.ignored_features,
        )

    def _pause(self) -> bool:
        self.consumer.pause([TopicPartition(*p) for p in self.assignment])
        return True

    def _resume(self) -> bool:
        self.consumer.resume([TopicPartition(*p) for p in self.assignment])
        return True

    # Rebalance callbacks, called by librdkafka inside poll: no batch is under way then.

    def _on_assign(
        self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]
    ) -> None:
        # Paused until Faust has gone through its own steps and resumes the flow.
        consumer.assign(partitions)
        consumer.pause(partitions)
        self.assignment = frozenset((p.topic, p.partition) for p in partitions)
        self._look_up_topics()
        log.info("partitions assigned", partitions=len(partitions))
        self._listener.lane_assigned(self.assignment)

    def _on_revoke(
        self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]
    ) -> None:
        self._finish()
        self._let_go(partitions)
        consumer.unassign()

    def _on_lost(
        self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]
    ) -> None:
        log.warning("partitions lost: this worker was silent for too long")
        self._let_go(partitions)
        consumer.unassign()

    def _let_go(self, partitions: list[TopicPartition]) -> None:
        gone = frozenset((p.topic, p.partition) for p in partitions)
        self._watermarks.drop(gone)
        self.assignment -= gone
        self._listener.lane_revoked(gone)


def _raise_if_fatal(error: KafkaError) -> None:
    if error.fatal():
        raise DeliveryError(f"Kafka refused this worker for good: {error.str()}; restart it")
    if error.code() in (
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    ):
        raise DeliveryError(f"this worker may not do that: {error.str()}; check its Kafka ACLs")
