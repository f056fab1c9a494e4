"""The indexer: consumes the topics of the log and writes documents, losing and doubling none."""

import os
import socket
import threading
import time

import structlog
from kafka import OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError
from kafka.structs import MemberState

from contracts.errors import UnreachableError
from contracts.kafka import require_rights
from contracts.kafka_access import refusal
from contracts.kafka_waiting import when_kafka_answers
from contracts.operating.operated import Operated
from contracts.settings import Settings
from contracts.topics import Topics
from elk.batches import MOST_BYTES, Batch, Partition, cut
from elk.consumer import indexer_consumer
from elk.dead_letter_sender import DeadLetterSender
from elk.delivery import LOUD_EVERY, Delivery
from elk.erasure_log import ErasureLog
from elk.health import watch_elasticsearch, watch_indexer
from elk.lag import known_lags, known_positions
from elk.lanes import Lanes
from elk.metrics import SERVICE, IndexerMetrics
from elk.prerequisites import known_topics, wait_for_template
from elk.records import Record, Transcriber
from elk.tracing import traced
from elk.waiting import Waiting
from elk.watermarks import Watermarks

log = structlog.stdlib.get_logger("elk")

LINGER_MS = 100
"""How long records wait for company before a request is sent."""
KEEP_POLLING_SECONDS = 1.0
"""How often a consumer that takes nothing still polls; silent for longer than the interval above,
it would leave its group."""
REJOIN_SECONDS = 15.0
"""How long the consumer may be no stable member of its group before it is replaced. kafka-python
3.0.12 can be left out for ever: a rebalance that it began itself (a topic grew) and that outlasts
one poll is never completed, and no heartbeat tells."""
KEEP_ALIVE_MS = 300
JOIN_MS = 2000
"""How long a poll may take for the sake of joining the group, and when only polling on."""
FEW_RECORDS = 50
"""Read at once, before the room for them is looked at: each may have 1 MiB and more."""
MOST_SPANS = 2000
"""Unfinished spans after which nothing more is read: what a crash would have indexed again."""
FINISH_SECONDS = 9.0
"""How long requests under way may take once the indexer is told to stop."""
REPORT_SECONDS = 30.0
LOOK_SECONDS = 1.0
"""How often the lag is looked at."""


def run(settings: Settings, stop: threading.Event) -> None:
    """Index until `stop` is set, seen by operators from the beginning; errors as `index`."""
    operated = Operated(settings, SERVICE, f"indexer-{socket.gethostname()}-{os.getpid()}")
    watch_elasticsearch(operated.health, settings)
    with operated:
        index(settings, stop, operated)


def index(settings: Settings, stop: threading.Event, operated: Operated) -> None:
    """Index until `stop` is set, then finish what is under way and commit it.

    Waits for Elasticsearch and Kafka at any time; for Kafka at the start not for ever.

    Raises:
        UnreachableError: Kafka does not answer at the start.
        AccessError: Kafka or Elasticsearch does not let us in, or does not allow what is needed.
        ConfigurationError: the topics do not exist.
    """
    metrics = IndexerMetrics(operated.metrics)
    topics = Topics(settings)
    transcriber = Transcriber(settings, topics, {})
    read = (*transcriber.topics, topics.erasures.name)

    def prepare() -> None:
        transcriber.topic_ids = known_topics(settings, read)
        require_rights(settings, read=read, write=[topics.dead_letters.name])

    when_kafka_answers(settings, prepare, stop)
    wait_for_template(settings, stop)
    erasures = when_kafka_answers(settings, lambda: ErasureLog(settings), stop)
    if erasures is None:
        return
    giving_up = threading.Event()
    sets_aside = DeadLetterSender(settings, topics, transcriber)
    delivery = Delivery(settings, metrics.counting(sets_aside), giving_up)
    lanes = Lanes(
        settings.bulk_in_flight, metrics.counted(traced(delivery.deliver, operated.traces))
    )
    log.info("indexer started", topics=transcriber.topics, index_prefix=settings.index_prefix)
    transcriber.erasures = erasures.erasures
    indexer = Indexer(settings, transcriber, lanes, erasures)
    metrics.ask(indexer, lanes, lambda: delivery.retries)
    watch_indexer(operated, indexer, lanes)
    try:
        indexer.work(stop)
        lanes.wait(FINISH_SECONDS, until_idle=True)
        giving_up.set()
        indexer.commit()
    except KafkaError as error:
        raise refusal(settings, error) from error
    finally:
        giving_up.set()
        lanes.close()
        indexer.close()
        erasures.close()
        sets_aside.close()
        delivery.close()
        log.info(
            "indexer stopped",
            documents=lanes.documents,
            dead_letters=lanes.dead_letters,
            retries=delivery.retries,
            unfinished=indexer.watermarks.under_way,
        )


class Indexer:
    """The loop: poll, cut into batches, hand them to the lanes, commit what is done."""

    def __init__(
        self, settings: Settings, transcriber: Transcriber, lanes: Lanes, erasures: ErasureLog
    ) -> None:
        self._settings = settings
        self._consumer = indexer_consumer(settings, transcriber.topics)
        self._transcriber = transcriber
        self._erasures = erasures
        self._lanes = lanes
        self._waiting: Waiting[Record] = Waiting(settings.bulk_documents, MOST_BYTES)
        self._oldest = 0.0
        self._committed_at = self._reported_at = self._member_at = time.monotonic()
        self._reported = 0
        self._failed_commits = 0
        self._committed: dict[Partition, int] = {}
        self.watermarks: Watermarks[Partition] = Watermarks()
        self.went_round = self._looked_at = time.monotonic()
        self.assignment: frozenset[Partition] = frozenset()
        self.lags: dict[Partition, int] = {}

    @property
    def queued(self) -> int:
        """How many records are read and not yet handed to a lane."""
        return len(self._waiting)

    def work(self, stop: threading.Event) -> None:
        """Run until told to stop.

        Raises:
            KafkaError: one that waiting does not mend.
            Exception: a lane ended by a defect.
        """
        while not stop.is_set():
            self._send_batches()
            self._read_or_wait(stop)
            if self._lanes.failure is not None:
                raise self._lanes.failure
            now = time.monotonic()
            self._watch_membership(now, stop)
            self._note_position(now)
            if now - self._committed_at >= self._settings.commit_interval_seconds:
                self.commit()
                self._committed_at = now
            self._report(now)

    def commit(self) -> None:
        """Commit what is done, of the partitions that are ours; a failure is made up for later."""
        done = self.watermarks.advance()
        assigned = self._consumer.assignment()
        offsets = {p: offset for p, offset in done.items() if TopicPartition(*p) in assigned}
        self.watermarks.committed({p: o for p, o in done.items() if p not in offsets})
        if not self.watermarks.under_way and not self._waiting:
            # The marker that ends a transaction is no record; without it one would always be left.
            read = known_positions(self._consumer)
            offsets |= {p: o for p, o in read.items() if o > self._committed.get(p, 0)}
        if not offsets:
            return
        try:
            self._consumer.commit(
                {TopicPartition(*p): OffsetAndMetadata(o, "", -1) for p, o in offsets.items()},
                timeout_ms=3000,
            )
        except KafkaError as error:
            if self._failed_commits % LOUD_EVERY == 0:
                log.warning("positions not committed yet", why=str(error) or type(error).__name__)
            self._failed_commits += 1
        else:
            self._failed_commits = 0
            self._committed |= offsets
            self.watermarks.committed(offsets)

    def close(self) -> None:
        """Leave the consumer group; nothing is committed by that."""
        self._consumer.close(autocommit=False, timeout_ms=3000)

    def _send_batches(self) -> None:
        settings = self._settings
        while self._waiting and self._lanes.free:
            if not self._waiting.full and time.monotonic() - self._oldest < LINGER_MS / 1000:
                return
            if not self._erasures.try_refresh():
                return  # what must not come back has to be known first
            batch: Batch[Record] = cut(
                self._waiting, self._transcriber, self.watermarks, settings.bulk_documents
            )
            self._lanes.send(batch)

    def _read_or_wait(self, stop: threading.Event) -> None:
        """A broker that restarts can show as an error of any poll; Kafka is waited for."""
        try:
            self._poll()
        except KafkaError as error:
            if not error.retriable:
                raise
            log.warning("waiting for Kafka", why=str(error) or type(error).__name__)
            stop.wait(KEEP_POLLING_SECONDS)

    def _poll(self) -> None:
        if self._waiting.full or not self._lanes.free or self.watermarks.under_way > MOST_SPANS:
            self._lanes.wait(KEEP_POLLING_SECONDS)
            if self._lanes.free and self.watermarks.under_way <= MOST_SPANS:
                return
            self._consumer.pause(*self._consumer.assignment())
            self._take(KEEP_ALIVE_MS)
            return
        paused = self._consumer.paused()
        if paused:
            self._consumer.resume(*paused)
        self._take(LINGER_MS)

    def _take(self, timeout_ms: int) -> None:
        joining = not self._is_member()
        polled = self._consumer.poll(JOIN_MS if joining else timeout_ms, FEW_RECORDS)
        if polled and not self._waiting:
            self._oldest = time.monotonic()
        while polled:
            for records in polled.values():
                self._waiting.extend(records)
            polled = {} if self._waiting.full else self._consumer.poll(0, FEW_RECORDS)

    def _is_member(self) -> bool:
        return bool(self._consumer.group_metadata().state is MemberState.STABLE)

    def _watch_membership(self, now: float, stop: threading.Event) -> None:
        if self._is_member():
            self._member_at = now
        if now - self._member_at < REJOIN_SECONDS:
            return
        log.warning("not a member of the consumer group; joining it anew")
        self.close()
        self._waiting.clear()  # read again from the committed offsets
        while not stop.is_set():
            try:
                self._consumer = indexer_consumer(self._settings, self._transcriber.topics)
                break
            except UnreachableError as error:
                log.warning("waiting for Kafka", why=str(error))
                stop.wait(KEEP_POLLING_SECONDS)
        self._member_at = time.monotonic()

    def _note_position(self, now: float) -> None:
        """Keep what others may ask for: the consumer belongs to this thread alone."""
        self.went_round = now
        self.assignment = frozenset((p.topic, p.partition) for p in self._consumer.assignment())
        if now - self._looked_at >= LOOK_SECONDS:
            self.lags, self._looked_at = known_lags(self._consumer), now

    def _report(self, now: float) -> None:
        if now - self._reported_at < REPORT_SECONDS:
            return
        documents = self._lanes.documents
        if documents != self._reported:
            log.info("indexed", documents=documents, dead_letters=self._lanes.dead_letters)
        self._reported, self._reported_at = documents, now
