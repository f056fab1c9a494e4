"""The hot path: one thread that reads, scores and produces, and never touches asyncio.

Batches form by themselves: while one is scored the next records gather in librdkafka's queue.
"""

import gc
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import confluent_kafka
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from kafka.errors import KafkaError as BrokerError

from contracts.errors import UnreachableError
from contracts.kafka_reading import Partition, known_lags, read_batch
from contracts.operating.kafka_watch import TOLD_AGAIN_SECONDS
from contracts.operating.membership import Membership
from stream_workers.at_least_once import AtLeastOnce
from stream_workers.delivery import FLUSH_SECONDS, Delivery, raise_if_final
from stream_workers.exactly_once import ExactlyOnce
from stream_workers.listener import Listener
from stream_workers.orders import Orders
from stream_workers.records import Record, from_message
from stream_workers.refused_batches import ReadRefused
from stream_workers.scoring import BatchScorer
from stream_workers.serving import Serving

log = structlog.get_logger("stream_workers.lane")

_RETRY_SECONDS = 1.0
_LOOK_SECONDS = 1.0


class Lane(threading.Thread):
    """Consumer, scorer and producer of one worker process.

    Args:
        consumer_settings, producer_settings: librdkafka's; with a `transactional.id` outputs
            and positions are committed in transactions.
        serving: gives the models to score the next batch with.
        look_up_topics: called after each assignment, before its first record is read; returns
            early once the event it is given is set.
        read_refused: reads what librdkafka does not take apart; see `refused_batches`.
        batch_size: most records per batch.
    """

    def __init__(
        self,
        consumer_settings: Mapping[str, Any],
        producer_settings: Mapping[str, Any],
        scorer: BatchScorer,
        serving: Callable[[], Serving],
        look_up_topics: Callable[[threading.Event], None],
        read_refused: ReadRefused,
        batch_size: int,
        listener: Listener,
        membership: Membership,
    ) -> None:
        super().__init__(name="lane", daemon=True)
        self.consumer = confluent_kafka.Consumer(dict(consumer_settings))
        self._scorer = scorer
        self._serving = serving
        self._look_up_topics = look_up_topics
        self._read_refused = read_refused
        self._batch_size = batch_size
        self._listener = listener
        self._membership = membership
        self._next: dict[Partition, int] = {}
        self._orders = Orders()
        self._stopping = threading.Event()
        self._delivery: Delivery = (
            ExactlyOnce(producer_settings, self.consumer, self._stopping)
            if "transactional.id" in producer_settings
            else AtLeastOnce(producer_settings, self.consumer)
        )
        self._flowing = False
        self._told_at = 0.0
        self.rebalances = 0
        self.read_again = 0
        self.went_round = self._looked_at = time.monotonic()
        self.lags: dict[Partition, int] = {}
        self.assignment: frozenset[Partition] = frozenset()

    @property
    def unfinished_seconds(self) -> float:
        """For how long Kafka has not taken the oldest batch; 0 with none under way."""
        since = self._delivery.unfinished_since
        return 0.0 if since is None else time.monotonic() - since

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
        """Commit what is finished; the future tells whether there was anything."""
        return self._orders.give(self._delivery.commit)

    def pause(self) -> "Future[bool]":
        """Stop reading; what was read is finished first."""
        return self._orders.give(self._pause)

    def resume(self) -> "Future[bool]":
        """Read again from where reading stopped."""
        return self._orders.give(self._resume)

    def stop(self) -> None:
        """Finish what was read, commit it, leave the group; returns when that is done."""
        self._stopping.set()
        if self.is_alive():
            self.join(2 * FLUSH_SECONDS)

    # The thread.

    def run(self) -> None:
        """Read, score and produce until stopped."""
        # What is there by now stays: half a million objects of libraries, which the collector would
        # go through every few batches, at a third of the throughput.
        gc.collect()
        gc.freeze()
        try:
            while not self._stopping.is_set():
                self._note_position(time.monotonic())
                self._orders.obey()
                self._delivery.poll()
                if self._delivery.failure is not None:
                    self._read_again(self._delivery.failure)
                    continue
                messages = self._read()
                if messages:
                    self._process(messages)
            self._delivery.finish()
        except BaseException as error:
            self._listener.lane_crashed(error)
            raise
        finally:
            self._stopping.set()
            self._orders.close()
            self.consumer.close()

    def _note_position(self, now: float) -> None:
        """Keep what others may ask for: a consumer that polls must be asked by nobody else."""
        self.went_round = now
        self._membership.start_over_if_left_out()
        if now - self._looked_at >= _LOOK_SECONDS:
            self.lags, self._looked_at = known_lags(self.consumer, self.assignment), now

    def _read(self) -> list[confluent_kafka.Message]:
        rebalances = self.rebalances
        messages = read_batch(self.consumer, self._batch_size, self._delivery.patience)
        # If a partition went in between, these records may be its: their owner reads them again.
        return messages if self.rebalances == rebalances else []

    def _process(self, messages: Sequence[confluent_kafka.Message]) -> None:
        records: list[Record] = []
        refused: dict[Partition, int] = {}
        for message in messages:
            error = message.error()
            if error is None:
                records.append(from_message(message))
                continue
            raise_if_final(error)
            if error.code() == KafkaError._BAD_COMPRESSION:
                refused[message.topic() or "", message.partition() or 0] = message.offset() or 0
            else:
                log.warning("waiting for Kafka", reason=error.str())
        self._deliver(records)
        for partition, offset in refused.items():
            self._process_refused(partition, offset)

    def _deliver(self, records: Sequence[Record]) -> None:
        after = {(record.topic, record.partition): record.offset + 1 for record in records}
        spans = {
            (record.topic, record.partition): (record.offset, after[record.topic, record.partition])
            for record in reversed(records)
        }
        if records:
            self._delivery.deliver(spans, self._scorer.score(records, self._serving()))
            self._next |= after

    def _process_refused(self, partition: Partition, offset: int) -> None:
        """Get over a batch that librdkafka does not take apart.

        Args:
            offset: of the batch's first record, whatever was done of it before.
        """
        try:
            if partition not in self._next:
                [committed] = self.consumer.committed([TopicPartition(*partition)], FLUSH_SECONDS)
                self._next[partition] = committed.offset
            start = max(offset, self._next[partition])
            for records in self._read_refused(*partition, start, self._batch_size):
                self._deliver(records)
                if self._delivery.failure is not None or self._stopping.is_set():
                    return
                self.consumer.seek(TopicPartition(*partition, records[-1].offset + 1))
        except (KafkaException, BrokerError, UnreachableError) as error:
            log.warning("a batch cannot be read yet", partition=partition, reason=str(error))

    def _read_again(self, reason: str) -> None:
        """Outputs were not taken: go back to where they begin."""
        positions = self._delivery.restart()
        if positions is not None:
            self.read_again += 1
            log.error(
                "outputs were not delivered; reading again",
                reason=reason,
                offsets={f"{p.topic}-{p.partition}": p.offset for p in positions},
            )
            for position in positions:
                partition = (position.topic, position.partition)
                # One that was lost meanwhile is somebody else's to read again.
                if partition in self.assignment:
                    self.consumer.seek(position)
                    self._next[partition] = position.offset
            if self._flowing:
                self._resume()
            self._stopping.wait(_RETRY_SECONDS)
            return
        if (now := time.monotonic()) - self._told_at >= TOLD_AGAIN_SECONDS:
            self._told_at = now
            waiting = round(self.unfinished_seconds, 1)
            log.warning("Kafka does not take outputs yet", reason=reason, for_seconds=waiting)
        # A rebalance that waits for its callbacks would keep Kafka's answers from us.
        self.consumer.pause([TopicPartition(*p) for p in self.assignment])
        message = self.consumer.poll(_RETRY_SECONDS)
        if message is not None:
            self._process([message])

    def _pause(self) -> bool:
        self._flowing = False
        self.consumer.pause([TopicPartition(*p) for p in self.assignment])
        return True

    def _resume(self) -> bool:
        self._flowing = True
        if self._delivery.failure is None:
            self.consumer.resume([TopicPartition(*p) for p in self.assignment])
        return True

    # Rebalance callbacks, called by librdkafka while reading: no batch is being scored then.

    def _on_assign(
        self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]
    ) -> None:
        # Paused until Faust has gone through its own steps and resumes the flow.
        consumer.assign(partitions)
        consumer.pause(partitions)
        self._flowing = False
        self.rebalances += 1
        self.assignment = frozenset((p.topic, p.partition) for p in partitions)
        self._delivery.assigned()
        self._look_up_topics(self._stopping)
        log.info("partitions assigned", partitions=len(partitions))
        self._listener.lane_assigned(self.assignment)

    def _on_revoke(
        self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]
    ) -> None:
        self._delivery.finish()
        self._let_go(partitions)
        consumer.unassign()

    def _on_lost(
        self, consumer: confluent_kafka.Consumer, partitions: list[TopicPartition]
    ) -> None:
        log.warning("partitions lost: this worker was silent for too long")
        self._let_go(partitions)
        consumer.unassign()

    def _let_go(self, partitions: list[TopicPartition]) -> None:
        self.rebalances += 1
        gone = frozenset((p.topic, p.partition) for p in partitions)
        self._delivery.drop(gone)
        for partition in gone:
            self._next.pop(partition, None)
        self.assignment -= gone
        self._listener.lane_revoked(gone)
