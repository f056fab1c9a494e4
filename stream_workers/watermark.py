"""How far each partition is finished, in order: the position that may be committed.

Faust's own bookkeeping commits past an unfinished batch when one message stands for many records,
so positions are kept here: a batch counts only when all before it are finished too.
"""

import time
from collections import deque
from collections.abc import Iterable, Mapping

from contracts.kafka_reading import Partition


class Batch:
    """Records that were scored together, open until Kafka has acknowledged all they produced."""

    __slots__ = ("began", "error", "outstanding")

    def __init__(self, outstanding: int) -> None:
        self.began = time.monotonic()
        self.outstanding = outstanding
        self.error: str | None = None

    @property
    def finished(self) -> bool:
        """Whether everything was acknowledged, without an error."""
        return self.outstanding == 0 and self.error is None


class Watermarks:
    """Positions per partition. Not thread-safe: used by the thread that owns the consumer."""

    def __init__(self) -> None:
        self._open: dict[Partition, deque[tuple[int, Batch]]] = {}
        self._positions: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}

    def begin(self, batch: Batch, spans: Mapping[Partition, tuple[int, int]]) -> None:
        """Register a batch, in the order of reading.

        Args:
            spans: per partition the offset of the batch's first record there, and the offset
                after its last.
        """
        for partition, (first, after_last) in spans.items():
            self._open.setdefault(partition, deque()).append((after_last, batch))
            # What comes before the first record read is where the committed position stood.
            if self._positions.setdefault(partition, first) == first:
                self._committed.setdefault(partition, first)

    def advance(self) -> None:
        """Move each position over the batches that are finished and have none open before."""
        for partition, batches in self._open.items():
            while batches and batches[0][1].finished:
                self._positions[partition] = batches.popleft()[0]

    def to_commit(self) -> dict[Partition, int]:
        """Positions that have moved since `committed` was told."""
        return {
            partition: offset
            for partition, offset in self._positions.items()
            if self._committed.get(partition) != offset
        }

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        """Remember what Kafka has stored."""
        self._committed.update(offsets)

    @property
    def positions(self) -> Mapping[Partition, int]:
        """Where to go on from, for partitions of which something was read."""
        return self._positions

    @property
    def unfinished_since(self) -> float | None:
        """When the oldest batch began that is not finished."""
        oldest = [batches[0][1].began for batches in self._open.values() if batches]
        return min(oldest, default=None)

    def forget_open(self) -> None:
        """Drop all unfinished batches: their records will be read again."""
        self._open.clear()

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget partitions that now belong to somebody else."""
        for partition in partitions:
            self._open.pop(partition, None)
            self._positions.pop(partition, None)
            self._committed.pop(partition, None)
