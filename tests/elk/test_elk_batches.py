"""Cutting records into requests."""

from dataclasses import dataclass, field

import msgspec

from contracts.settings import Settings
from contracts.topics import Topics
from elk.batches import cut
from elk.records import Transcriber
from elk.waiting import Waiting
from elk.watermarks import Watermarks

SETTINGS = Settings()
TOPICS = Topics(SETTINGS)


@dataclass
class Record:
    offset: int
    value: bytes | None = msgspec.json.encode(
        {"event_id": "e", "model": "m", "label": 1, "occurred_at": 1.4e9}
    )
    partition: int = 0
    topic: str = TOPICS.labels.name
    timestamp: int = 0
    key: bytes | None = None
    headers: list[tuple[str, bytes]] = field(default_factory=list)


def transcriber() -> Transcriber:
    return Transcriber(SETTINGS, TOPICS, {TOPICS.labels.name: "uuid"})


def read(*records: Record, most_bytes: int = 1000) -> Waiting[Record]:
    waiting: Waiting[Record] = Waiting(4, most_bytes)
    waiting.extend(records)
    return waiting


def test_no_more_is_read_once_there_are_enough_records_or_bytes():
    assert not read(Record(0), Record(1, b"x" * 10)).full
    assert read(*map(Record, range(4))).full
    waiting = read(Record(0, b"x" * 1000))
    assert waiting.full
    waiting.popleft()
    assert not waiting.full


def test_a_request_takes_no_more_documents_than_allowed():
    waiting = read(*(Record(n) for n in range(5)))

    batch = cut(waiting, transcriber(), Watermarks(), most_documents=3)

    assert [record.offset for record in batch.records] == [0, 1, 2]
    assert [waiting.popleft().offset for _ in range(len(waiting))] == [3, 4]


def test_a_request_ends_once_it_is_large_enough():
    waiting = read(*(Record(n) for n in range(5)))

    batch = cut(waiting, transcriber(), Watermarks(), most_documents=1000, most_bytes=1)

    assert len(batch) == 1


def test_a_record_that_cannot_be_read_stays_beside_its_neighbours():
    waiting = read(Record(0), Record(1, b"{"), Record(2))

    batch = cut(waiting, transcriber(), Watermarks(), most_documents=10)

    assert [record.offset for record in batch.records] == [0, 2]
    assert [(record.offset, why.reason) for record, why in batch.rejected] == [(1, "malformed")]


def test_a_finished_batch_frees_the_positions_of_all_its_partitions():
    watermarks = Watermarks()
    waiting = read(Record(0), Record(1, b"{"), Record(7, partition=1), Record(4))
    batch = cut(waiting, transcriber(), watermarks, most_documents=10)
    assert watermarks.advance() == {}

    batch.finish()

    assert watermarks.advance() == {("labels", 0): 5, ("labels", 1): 8}


def test_records_that_come_again_within_one_batch_are_counted_from_their_second_coming():
    watermarks = Watermarks()
    waiting = read(Record(8), Record(9), Record(3), Record(4))

    cut(waiting, transcriber(), watermarks, most_documents=10).finish()

    assert watermarks.advance() == {("labels", 0): 5}
