"""Judging the differences between documents and records: what is right and what is not."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import numpy as np
from elasticsearch import Elasticsearch
from msgspec import Struct
from numpy.typing import NDArray

from contracts.kafka_reading import Partition
from contracts.settings import Settings
from contracts.topics import Topics
from elk.documents.expectation import Expectation, Expectations
from elk.documents.kafka_log import Stretch
from elk.documents.places import Places, Stem
from prediction_log.indices import IndexNames

Why = Literal["missing", "unknown", "erased", "twice"]
_ASKED_AT_ONCE = 1000


class Row(Struct, kw_only=True):
    """One partition of one topic; of dead letters, the partition that the record came from.

    Attributes:
        records: that Kafka holds and that stand for a document.
        repeated: of these, redeliveries of a document that counts once.
        rejected: further records that can become no document; they are dead letters.
        erased: records whose documents must not be there.
        set_aside: records that are a dead letter instead, as Elasticsearch refused them.
        older: documents whose records Kafka does not hold any more.
        later: records that came while all was compared.
        missing, extra: what is wrong.
    """

    topic: str
    partition: int
    records: int = 0
    repeated: int = 0
    rejected: int = 0
    erased: int = 0
    documents: int = 0
    set_aside: int = 0
    older: int = 0
    later: int = 0
    missing: int = 0
    extra: int = 0


class Difference(Struct, frozen=True):
    """A document that is missing or too many; `offset` is that of its record, if there is one."""

    why: Why
    topic: str
    partition: int
    offset: int | None
    id: str


class Judge:
    """Compares topic by topic.

    Args:
        held: what Kafka held when it was read.
        event_topic_ids: of the topics of events as they are now.
        most_examples: of each reason and topic.
    """

    def __init__(
        self,
        settings: Settings,
        client: Elasticsearch,
        expectations: Expectations,
        held: Mapping[Partition, Stretch],
        event_topic_ids: Collection[str],
        most_examples: int,
    ) -> None:
        topics = Topics(settings)
        self._client = client
        self._letters = topics.dead_letters.name
        self._letter_indices = IndexNames(settings).pattern("dead-letters")
        self._of_events = {topics.predictions.name, topics.shadow_predictions.name}
        self._expectations = expectations
        self._topic_ids = expectations.topic_ids
        self._event_topic_ids = event_topic_ids
        self._held = held
        self._most = most_examples
        self._shown: Counter[tuple[str, Why]] = Counter()
        self.examples: list[Difference] = []

    def rows(self, topic: str, documents: Places) -> Iterator[Row]:
        """One row for each partition."""
        expectation = self._expectations.of[topic]
        known = (expectation.expected, expectation.later, expectation.erased, documents)
        rows: dict[int, Row] = {
            partition: Row(
                topic=topic, partition=partition, rejected=expectation.rejected[partition]
            )
            for name, partition in self._held
            if name == topic
        }
        for stem in sorted({stem for places in known for stem in places.stems()}):
            row = rows.setdefault(stem.partition, Row(topic=topic, partition=stem.partition))
            self._compare(row, stem, expectation, documents)
        for id_ in documents.strange:
            row = rows.setdefault(-1, Row(topic=topic, partition=-1))
            row.documents += 1
            row.extra += 1
            self._show("unknown", row, None, id_)
        yield from (rows[partition] for partition in sorted(rows))

    def _compare(self, row: Row, stem: Stem, expectation: Expectation, documents: Places) -> None:
        expected, there = expectation.expected.offsets(stem), documents.offsets(stem)
        later, erased = expectation.later.offsets(stem), expectation.erased.offsets(stem)
        row.records += expectation.expected.count(stem)
        row.repeated += expectation.expected.count(stem) - len(expected)
        row.later += len(np.setdiff1d(later, expected))
        row.erased += expectation.erased.count(stem)
        row.documents += documents.count(stem)
        self._judge_missing(row, stem, np.setdiff1d(expected, there), expectation.expected)
        self._note_extra("twice", row, stem, documents.repeated(stem))
        beyond = np.setdiff1d(there, np.union1d(expected, later))
        self._note_extra("erased", row, stem, np.intersect1d(beyond, erased))
        self._judge_unknown(row, stem, np.setdiff1d(beyond, erased), expectation)

    def _judge_missing(
        self, row: Row, stem: Stem, offsets: NDArray[np.int64], expected: Places
    ) -> None:
        if not len(offsets):
            return
        for offset, record in zip(
            offsets.tolist(), expected.records_of(stem, offsets).tolist(), strict=True
        ):
            id_ = stem.id_of(offset)
            if self._expectations.is_set_aside(row.topic, row.partition, record, id_):
                row.set_aside += 1
            else:
                row.missing += 1
                self._show("missing", row, record, id_)

    def _judge_unknown(
        self, row: Row, stem: Stem, offsets: NDArray[np.int64], expectation: Expectation
    ) -> None:
        """Kafka may have deleted their records since."""
        if row.topic == self._letters:
            gone = self._letters_gone(stem, offsets)
        else:
            gone = offsets[offsets < self._first_kept(row.topic, stem, expectation)]
        row.older += len(gone)
        self._note_extra("unknown", row, stem, np.setdiff1d(offsets, gone))

    def _note_extra(self, why: Why, row: Row, stem: Stem, offsets: NDArray[np.int64]) -> None:
        row.extra += len(offsets)
        for offset in offsets[: self._most].tolist():
            self._show(why, row, None, stem.id_of(offset))

    def _first_kept(self, topic: str, stem: Stem, expectation: Expectation) -> int:
        """The offset in ids from which on Kafka must have their records."""
        held = self._held.get((topic, stem.partition), Stretch(0, 0))
        if topic not in self._of_events:
            return held.first if stem.topic_id == self._topic_ids.get(topic) else _NONE_KEPT
        kept = [
            int(offsets[0])
            for places in (expectation.expected, expectation.later, expectation.erased)
            for other in places.stems()
            if other.before == stem.before and len(offsets := places.offsets(other))
        ]
        if held.first == 0 and (kept or stem.topic_id in self._event_topic_ids):
            return 0
        return min(kept, default=_NONE_KEPT)

    def _letters_gone(self, stem: Stem, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Dead letters whose own record, which their document names, is not in Kafka any more."""
        gone: list[int] = []
        for start in range(0, len(offsets), _ASKED_AT_ONCE):
            ids = {
                stem.id_of(offset): offset for offset in offsets[start:][:_ASKED_AT_ONCE].tolist()
            }
            answer = self._client.search(
                index=self._letter_indices,
                query={"ids": {"values": list(ids)}},
                source_includes=["dead_letter.stored"],
                size=len(ids),
            )
            for hit in answer["hits"]["hits"]:
                stored = hit["_source"].get("dead_letter", {}).get("stored")
                if stored is None or not self._holds(stored):
                    gone.append(ids[hit["_id"]])
        return np.array(gone, dtype=np.int64)

    def _holds(self, stored: Mapping[str, object]) -> bool:
        place = self._held.get((self._letters, int(str(stored["partition"]))), Stretch(0, 0))
        same = stored["topic_id"] == self._topic_ids.get(self._letters)
        return same and place.first <= int(str(stored["offset"]))

    def _show(self, why: Why, row: Row, offset: int | None, id_: str) -> None:
        self._shown[row.topic, why] += 1
        if self._shown[row.topic, why] <= self._most:
            self.examples.append(Difference(why, row.topic, row.partition, offset, id_))


_NONE_KEPT = 2**63 - 1
