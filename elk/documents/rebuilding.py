"""Elasticsearch from Kafka: every record of the log once more through the code of the indexer, and
then the outcomes of all labels among them.

A document that is there already stays as it is, so it may be repeated, may be cut off, and may run
beside indexers and workers; no consumer group is touched.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from msgspec import Struct

from contracts.errors import UnreachableError
from contracts.kafka_reading import Partition
from contracts.settings import Settings
from contracts.topics import Topics
from elk.batches import MOST_BYTES, Batch, cut
from elk.delivery import Delivery
from elk.documents.kafka_log import KafkaLog, Stretch
from elk.erasure_log import known_erasures
from elk.lanes import Lanes
from elk.outcomes.joining import join_again
from elk.record import Record
from elk.records import Rejection, Transcriber
from elk.waiting import Waiting
from elk.watermarks import Watermarks

Progress = Callable[[int, int], None]
"""Told how many offsets are done, and of how many."""

_LOOK_SECONDS = 1.0
_FINISH_SECONDS = 120.0


class Rebuilt(Struct, kw_only=True):
    """What came of it: documents that are now there (many may have been before).

    Attributes:
        records: topic -> how many were read.
        documents: records that are documents now.
        rejected: records that can become none; they are dead letters already.
        erased: records that must become none.
        outcomes: those that were not there, or not as they ought to be.
    """

    records: dict[str, int]
    documents: int = 0
    rejected: int = 0
    erased: int = 0
    outcomes: int = 0


class _Rejected:
    """Counts what is rejected. It was set aside when it came by first; a second letter would be
    one too many."""

    def __init__(self) -> None:
        self.count = 0
        self._lock = threading.Lock()

    def send(self, rejected: Sequence[tuple[Record, Rejection]]) -> int:
        with self._lock:
            self.count += len(rejected)
        return 0


def rebuild(settings: Settings, progress: Progress, since: datetime | None = None) -> Rebuilt:
    """Index all records that Kafka holds now, or those sent since a moment.

    Raises:
        UnreachableError: Kafka does not answer. For Elasticsearch it waits, but for outcomes.
        AccessError, ConfigurationError: it cannot be done like this.
    """
    transcriber = Transcriber(settings, Topics(settings), {})
    with KafkaLog(settings, transcriber.topics) as log:
        transcriber.topic_ids = log.topic_ids
        transcriber.erasures = known_erasures(settings)
        run = _Run(settings, transcriber)
        try:
            stretches = log.stretches(since)
            whole = sum(stretch.end - stretch.first for stretch in stretches.values())
            reached = dict(stretches)
            progress(0, whole)
            for records in log.records(stretches):
                run.take(records)
                last = records[-1]
                place = last.topic, last.partition
                reached[place] = Stretch(last.offset + 1, stretches[place].end)
                progress(whole - sum(s.end - s.first for s in reached.values()), whole)
            result = run.finish()
            progress(whole, whole)
        finally:
            run.close()
    result.outcomes = join_again(settings, progress, since)
    return result


class _Run:
    def __init__(self, settings: Settings, transcriber: Transcriber) -> None:
        self._transcriber, self._most = transcriber, settings.bulk_documents
        self._giving_up, self._rejected = threading.Event(), _Rejected()
        self._delivery = Delivery(settings, self._rejected, self._giving_up)
        self._lanes = Lanes(settings.bulk_in_flight, self._delivery.deliver)
        self._waiting: Waiting[Record] = Waiting(self._most, MOST_BYTES)
        self._result = Rebuilt(records={})

    def take(self, records: Sequence[Record]) -> None:
        """Index further records of one partition, as soon as there is room."""
        topic = records[0].topic
        self._result.records[topic] = self._result.records.get(topic, 0) + len(records)
        self._waiting.extend(records)
        while self._waiting.full:
            self._send()

    def finish(self) -> Rebuilt:
        """Index what is left, and wait for all of it.

        Raises:
            UnreachableError: Elasticsearch did not take it.
        """
        while self._waiting:
            self._send()
        self._lanes.wait(_FINISH_SECONDS, until_idle=True)
        self._raise_failure()
        if self._lanes.busy:
            raise UnreachableError(
                f"Elasticsearch did not take all documents within {_FINISH_SECONDS:g} s: run the "
                "command again, what is there stays"
            )
        self._result.documents = self._lanes.documents
        self._result.rejected = self._rejected.count
        return self._result

    def close(self) -> None:
        """Stop, whatever is under way."""
        self._giving_up.set()
        self._lanes.close()
        self._delivery.close()

    def _send(self) -> None:
        while not self._lanes.free:
            self._lanes.wait(_LOOK_SECONDS)
            self._raise_failure()
        # Nothing is committed, so nothing has to be remembered: each batch has its own marks.
        watermarks: Watermarks[Partition] = Watermarks()
        batch: Batch[Record] = cut(self._waiting, self._transcriber, watermarks, self._most)
        self._result.erased += batch.erased
        self._lanes.send(batch)

    def _raise_failure(self) -> None:
        if self._lanes.failure is not None:
            raise self._lanes.failure
