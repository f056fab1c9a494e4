"""What kafka-python makes of the batches that hostile clients send."""

from typing import Any

import pytest
from kafka.consumer.fetcher import ConsumerRecord, Fetcher
from kafka.errors import CorruptRecordError
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords
from kafka.structs import TopicPartition

from contracts.consumers import read_any_header_name
from contracts.not_unpacked import MOST_BYTES, NotUnpacked
from contracts.unpacking import ZSTD

HERE = TopicPartition("labels", 1)


class NotText(str):
    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


HOSTILE = [("before", b"1"), (NotText("x"), b"2"), ("none", None)]


@pytest.fixture(autouse=True)
def reads_any_header_name() -> None:
    read_any_header_name()


def batch(*headers: list[tuple[str, Any]], compression: int = 0) -> bytearray:
    """Records 100, 101 ... with these headers."""
    builder = DefaultRecordBatchBuilder(2, compression, False, -1, -1, -1, 1024 * 1024)
    for n, of_record in enumerate(headers):
        assert builder.append(n, 1000 + n, b"k%d" % n, b"v%d" % n, of_record)
    built = builder.build()
    built[:8] = (100).to_bytes(8, "big")  # the broker's to give, outside the checksum
    return bytearray(built)


def read(content: bytes, first: int = 100) -> list[ConsumerRecord]:
    taken = Fetcher.PartitionRecords(first, HERE, MemoryRecords(bytes(content)))
    return list(taken.take(1000))


@pytest.mark.parametrize("compression", [0, 1])
def test_only_the_headers_of_a_record_with_an_unreadable_name_are_lost(compression: int) -> None:
    good = [("a", b"1")]
    records = read(batch(HOSTILE, good, HOSTILE, HOSTILE, [], compression=compression))
    assert [r.offset for r in records] == [100, 101, 102, 103, 104]
    assert [r.headers for r in records] == [None, good, None, None, []]
    assert [r.timestamp for r in records] == [1000, 1001, 1002, 1003, 1004]
    assert [(r.key, r.value) for r in records] == [(b"k%d" % n, b"v%d" % n) for n in range(5)]


def test_who_begins_behind_such_a_record_in_its_batch_is_not_stopped_by_it() -> None:
    assert [r.offset for r in read(batch([], HOSTILE, []), first=102)] == [102]


def test_a_damaged_batch_is_an_error() -> None:
    content = batch([], HOSTILE, [])
    content[-2] ^= 1
    with pytest.raises(CorruptRecordError, match="crc"):
        read(content)


def test_a_record_whose_parts_do_not_add_up_is_an_error() -> None:
    content = batch(HOSTILE)
    length = 61  # where the first record begins, with its length
    content[length] -= 2
    taken = Fetcher.PartitionRecords(100, HERE, MemoryRecords(bytes(content)), check_crcs=False)
    with pytest.raises(CorruptRecordError, match="size"):
        taken.take(10)


def test_of_a_batch_that_is_too_large_unpacked_its_end_is_known() -> None:
    builder = DefaultRecordBatchBuilder(2, ZSTD, False, -1, -1, -1, 2 * MOST_BYTES)
    for n in range(3):
        assert builder.append(n, 1000, b"k", b"x" * (MOST_BYTES // 3 + 1), [])
    built = builder.build()
    built[:8] = (100).to_bytes(8, "big")
    records = read(bytes(built))
    assert [r.offset for r in records] == [100, 101, 102]
    assert all(isinstance(r.value, NotUnpacked) and r.value.last_offset == 102 for r in records)
