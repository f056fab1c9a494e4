"""Outputs and positions in one Kafka transaction per batch (KIP-98), fenced by the consumer's
group generation (KIP-447): a reader of committed records sees each prediction once."""

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import confluent_kafka
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contracts.kafka_reading import Partition
from stream_workers.delivery import IDLE_SECONDS, Spans, hand_over, raise_if_forbidden
from stream_workers.kafka_calls import GivenUp, KafkaCalls
from stream_workers.outputs import Output

log = structlog.get_logger("stream_workers.exactly_once")

_COMMITTED_SECONDS = 5.0
_BATCH_SECONDS = 20.0
"""Kafka aborts the transaction itself after the session timeout, so waiting on would not help."""
_LOOK_SECONDS = 1.0
_MANY = 500
"""Outputs of a batch from which on the next is scored while this one is being committed."""
_MOST_WAITING = 4
"""Batches that wait in memory, each with as many bytes as one may have."""
_COMMITTING_SECONDS = 0.001
"""While a commit is under way its end is looked for so often."""
_GATHERING_SECONDS = 1.0
"""A commit that takes longer than this is waited for, instead of scoring on."""


class _Batches:
    """Outputs of one or more batches, and their spans put together."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.count = 0
        self.spans: dict[Partition, tuple[int, int]] = {}
        self.outputs: list[Output] = []

    def add(self, spans: Spans, outputs: Sequence[Output]) -> None:
        """Put another batch behind them."""
        self.count += 1
        self.outputs += outputs
        for partition, (first, after) in spans.items():
            known = self.spans.get(partition)
            self.spans[partition] = (known[0] if known else first, after)


class ExactlyOnce:
    """Commits batch after batch, each in a transaction that begins when the one before is through.

    What arrives during a commit waits in the consumer's queue for its end, and is the next batch:
    an event waits for the commit under way and for its own. Where batches are large, the next ones
    are scored meanwhile instead, and become one transaction. So the interval of commits and the
    size of transactions follow the load.

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
        self._under_way: tuple[_Batches, KafkaCalls] | None = None
        self._waiting: _Batches | None = None
        self._many = False
        self._again: dict[Partition, int] = {}
        self._failed_since: float | None = None
        self.failure: str | None = None

    @property
    def unfinished_since(self) -> float | None:
        """When the oldest batch began that is not committed."""
        under_way, waiting = self._under_way, self._waiting
        if self._failed_since is not None:
            return self._failed_since
        if under_way is not None:
            return under_way[0].began
        return waiting.began if waiting is not None else None

    @property
    def patience(self) -> float:
        """The end of a commit must not wait for the next record, if other batches wait for it."""
        return IDLE_SECONDS if self._waiting is None else _COMMITTING_SECONDS

    def deliver(self, spans: Spans, outputs: Sequence[Output]) -> None:
        """Commit a batch's outputs and the positions after it, or nothing of both."""
        if self._waiting is None:
            self._waiting = _Batches()
        self._waiting.add(spans, outputs)
        self._many = len(outputs) >= _MANY
        self.poll()
        if self._waiting is not None and self._waiting.count >= _MOST_WAITING:
            self._settle()

    def poll(self) -> None:
        """Learn what became of the batches under way, and go on to the next; waits for it, unless
        there is enough to score meanwhile."""
        if self._under_way is not None:
            calls = self._under_way[1]
            if self._many and not calls.over and calls.seconds < _GATHERING_SECONDS:
                return
        self._settle()

    def _settle(self) -> None:
        """Wait for the batches under way, and begin to commit those that wait."""
        self._conclude()
        if self.failure is not None:
            self._give_up_waiting()
        batches, self._waiting = self._waiting, None
        if batches is None:
            return
        try:
            producer = self._producer(_BATCH_SECONDS)
            producer.begin_transaction()
            hand_over(producer, batches.outputs)
        except (KafkaException, GivenUp) as error:
            self._abort(batches, error)
        else:
            self._under_way = batches, self._commit(producer, batches.spans)

    def commit(self) -> bool:
        """Nothing to commit: every batch is."""
        return False

    def finish(self) -> None:
        """Wait for all that was delivered."""
        self._settle()
        self._conclude()

    def restart(self) -> list[TopicPartition] | None:
        """Go back to what Kafka has as committed.

        Only Kafka knows what became of a transaction whose producer was given up; a new producer
        of the same name ends it first, and whatever the old one may yet try.
        """
        self._give_up_waiting()
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
        self._give_up_waiting()
        for partition in partitions:
            self._again.pop(partition, None)
        if not self._again:
            self._failed_since = None
        elif self.failure is None:
            self.failure = "partitions were lost"

    def _conclude(self) -> None:
        if self._under_way is None:
            return
        batches, committed = self._under_way
        self._under_way = None
        try:
            committed.finish(_BATCH_SECONDS)
            self._turns.rotate()
            self._failed_since = None
        except (KafkaException, GivenUp) as error:
            self._abort(batches, error)

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

    def _abort(self, batches: _Batches, error: KafkaException | GivenUp) -> None:
        self._read_again(batches)
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

    def _give_up_waiting(self) -> None:
        """Once a batch before it has failed, or in another generation, nothing may be committed."""
        batches, self._waiting = self._waiting, None
        if batches is not None:
            self._read_again(batches)

    def _read_again(self, batches: _Batches) -> None:
        self._failed_since = self._failed_since or batches.began
        for partition, (first, _) in batches.spans.items():
            self._again.setdefault(partition, first)
