"""The indexer: consumes the topics of the log and writes documents, losing and doubling none."""

import gc
import os
import socket
import threading
import time

import structlog

from contracts.errors import UnreachableError
from contracts.kafka import require_rights
from contracts.kafka_reading import Partition
from contracts.kafka_waiting import when_kafka_answers
from contracts.operating.membership import Membership
from contracts.operating.operated import Operated
from contracts.settings import Settings
from contracts.topics import Topics
from elk.batches import MOST_BYTES, Batch, cut
from elk.consumed import Consumed
from elk.consumer import LogConsumer
from elk.dead_letter_sender import DeadLetterSender
from elk.delivery import LOUD_EVERY, Delivery
from elk.erasure_log import ErasureLog
from elk.health import watch_elasticsearch, watch_indexer
from elk.lanes import Lanes
from elk.metrics import SERVICE, IndexerMetrics
from elk.prerequisites import known_topics, wait_for_template
from elk.records import Transcriber
from elk.tracing import traced
from elk.waiting import Waiting
from elk.watermarks import Watermarks

log = structlog.stdlib.get_logger("elk")

LINGER_SECONDS = 0.1
"""How long records wait for company before a request is sent."""
KEEP_POLLING_SECONDS = 1.0
"""How often a consumer that takes nothing still polls; silent for longer than the interval above,
it would leave its group."""
KEEP_ALIVE_SECONDS = 0.3
"""How long a poll may take that is only there to go on being a member."""
MOST_SPANS = 2000
"""Unfinished spans after which nothing more is read: what a crash would have indexed again."""
FINISH_SECONDS = 9.0
"""How long requests under way may take once the indexer is told to stop."""
COMMIT_SECONDS = 3.0
"""How long the last commit may take."""
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
    # What is there by now stays: the collector need not go through all objects of all libraries.
    gc.collect()
    gc.freeze()
    membership = Membership()
    indexer = Indexer(settings, transcriber, lanes, erasures, membership, operated)
    metrics.ask(indexer, lanes, lambda: delivery.retries)
    watch_indexer(operated, indexer, lanes)
    try:
        indexer.work(stop)
        lanes.wait(FINISH_SECONDS, until_idle=True)
        giving_up.set()
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
        self,
        settings: Settings,
        transcriber: Transcriber,
        lanes: Lanes,
        erasures: ErasureLog,
        membership: Membership,
        operated: Operated,
    ) -> None:
        self._settings = settings
        self._transcriber = transcriber
        self._erasures = erasures
        self._lanes = lanes
        self._membership = membership
        self._waiting: Waiting[Consumed] = Waiting(settings.bulk_documents, MOST_BYTES)
        self._oldest = 0.0
        self._committed_at = self._reported_at = time.monotonic()
        self._reported = 0
        self._failed_commits = 0
        self._paused = False
        self.watermarks: Watermarks[Partition] = Watermarks()
        self.went_round = self._looked_at = time.monotonic()
        self.lags: dict[Partition, int] = {}
        self._consumer = LogConsumer(
            settings,
            transcriber.topics,
            self._finished,
            lambda statistics: membership.take(statistics, operated.kafka.condition().holds),
        )

    @property
    def assignment(self) -> frozenset[Partition]:
        """The partitions the group has given us."""
        return self._consumer.assignment

    @property
    def queued(self) -> int:
        """How many records are read and not yet handed to a lane."""
        return len(self._waiting)

    def work(self, stop: threading.Event) -> None:
        """Run until told to stop.

        Raises:
            AccessError: Kafka does not allow it any more.
            Exception: a lane ended by a defect.
        """
        while not stop.is_set():
            self._send_batches()
            self._read_or_wait(stop)
            if self._lanes.failure is not None:
                raise self._lanes.failure
            now = time.monotonic()
            self._membership.start_over_if_left_out()
            self._note_position(now)
            if now - self._committed_at >= self._settings.commit_interval_seconds:
                self.commit()
                self._committed_at = now
            self._report(now)

    def commit(self) -> None:
        """Have Kafka keep what is done; whether it did is known later, and made up for."""
        self.watermarks.committed(self._consumer.committed)
        offsets = self._finished()
        if not offsets:
            return
        failure = self._consumer.commit(offsets)
        if failure is None:
            self._failed_commits = 0
            return
        if self._failed_commits % LOUD_EVERY == 0:
            log.warning("positions not committed yet", why=failure)
        self._failed_commits += 1

    def close(self) -> None:
        """Commit what is done and leave the consumer group."""
        self._consumer.close(COMMIT_SECONDS)

    def _finished(self) -> dict[Partition, int]:
        """Positions of our partitions that Kafka does not know yet."""
        done, known = self.watermarks.advance(), self._consumer.committed
        if not self.watermarks.under_way and not self._waiting:
            # The marker that ends a transaction is no record; without it one would always be left.
            done |= {p: end for p, end in self._consumer.ends.items() if end > done.get(p, 0)}
        return {p: o for p, o in done.items() if p in self.assignment and o > known.get(p, 0)}

    def _send_batches(self) -> None:
        settings = self._settings
        while self._waiting and self._lanes.free:
            if not self._waiting.full and time.monotonic() - self._oldest < LINGER_SECONDS:
                return
            if not self._erasures.try_refresh():
                return  # what must not come back has to be known first
            batch: Batch[Consumed] = cut(
                self._waiting, self._transcriber, self.watermarks, settings.bulk_documents
            )
            self._lanes.send(batch)

    def _read_or_wait(self, stop: threading.Event) -> None:
        try:
            self._poll()
        except UnreachableError as error:
            log.warning("waiting for Kafka", why=str(error))
            stop.wait(KEEP_POLLING_SECONDS)

    def _poll(self) -> None:
        if self._waiting.full or not self._lanes.free or self.watermarks.under_way > MOST_SPANS:
            self._lanes.wait(KEEP_POLLING_SECONDS)
            if self._lanes.free and self.watermarks.under_way <= MOST_SPANS:
                return
            self._consumer.pause()
            self._paused = True
            self._take(KEEP_ALIVE_SECONDS)
            return
        if self._paused:
            self._consumer.resume()
            self._paused = False
        self._take(LINGER_SECONDS)

    def _take(self, most_seconds: float) -> None:
        taken = self._consumer.take(most_seconds)
        if taken and not self._waiting:
            self._oldest = time.monotonic()
        while taken:
            self._waiting.extend(taken)
            taken = [] if self._waiting.full else self._consumer.take(0)

    def _note_position(self, now: float) -> None:
        """Keep what others may ask for: the consumer belongs to this thread alone."""
        self.went_round = now
        if now - self._looked_at >= LOOK_SECONDS:
            self.lags, self._looked_at = self._consumer.lags(), now

    def _report(self, now: float) -> None:
        if now - self._reported_at < REPORT_SECONDS:
            return
        documents = self._lanes.documents
        if documents != self._reported:
            log.info("indexed", documents=documents, dead_letters=self._lanes.dead_letters)
        self._reported, self._reported_at = documents, now
