"""Cutting the stream of records into bulk requests, bounded in documents and in bytes."""

from collections.abc import Sequence
from typing import Generic, TypeVar

from contracts.kafka_reading import Partition
from elk.record import Record
from elk.records import Erased, Rejection, Transcriber
from elk.waiting import Waiting
from elk.watermarks import Span, Watermarks

MOST_BYTES = 8 * 1024 * 1024
"""A request is sent when it has grown to this; it may be larger by one document."""

R = TypeVar("R", bound=Record)


class Batch(Generic[R]):
    """One bulk request: n records and their n entries; what cannot become one is rejected.

    Attributes:
        erased: how many records became nothing, since the data of their entity was erased.
        marks: position of a record -> what is noted about a dead letter once it is a document.
        spans: what is done once every record is a document or an acknowledged dead letter.
    """

    def __init__(self) -> None:
        self.records: list[R] = []
        self.lines: list[bytes] = []
        self.marks: dict[int, bytes] = {}
        self.rejected: list[tuple[R, Rejection]] = []
        self.erased = 0
        self.spans: Sequence[Span] = ()

    def __len__(self) -> int:
        return len(self.records) + len(self.rejected) + self.erased

    def finish(self) -> None:
        """Mark all its records as done."""
        for span in self.spans:
            span.done = True


def cut(
    waiting: Waiting[R],
    transcriber: Transcriber,
    watermarks: Watermarks[Partition],
    most_documents: int,
    most_bytes: int = MOST_BYTES,
) -> Batch[R]:
    """Take records from the front of `waiting` and note them as under way."""
    batch: Batch[R] = Batch()
    size, taken = 0, 0
    # Records of a partition that step back (it was lost and came back) start a span of their own.
    runs: list[tuple[Partition, int, int]] = []
    newest: dict[Partition, int] = {}
    while waiting and taken < most_documents and size < most_bytes:
        record = waiting.popleft()
        taken += 1
        try:
            lines = transcriber.lines(record)
            mark = transcriber.mark(record) if record.headers else None
        except Erased:
            batch.erased += 1
        except Rejection as rejection:
            batch.rejected.append((record, rejection))
            size += len(record.value or b"")
        else:
            if mark is not None:
                batch.marks[len(batch.records)] = mark
            batch.records.append(record)
            batch.lines.append(lines)
            size += len(lines)
        partition, offset = (record.topic, record.partition), record.offset
        run = newest.get(partition)
        if run is not None and runs[run][2] < offset:
            runs[run] = (partition, runs[run][1], offset)
        else:
            newest[partition] = len(runs)
            runs.append((partition, offset, offset))
    batch.spans = [watermarks.add(*run) for run in runs]
    return batch
