"""How far each partition may be committed: up to the first record that is not yet done.

It knows offsets only. Nothing has to be told of a rebalance: a partition that comes back is read
again from its committed offset, so its offsets step back, and what was under way for it before no
longer counts.
"""

from collections import deque
from typing import Generic, TypeVar

Partition = TypeVar("Partition")


class Span:
    """Records of one partition that are done together; `end` is the offset after the last."""

    __slots__ = ("done", "end")

    def __init__(self, end: int) -> None:
        self.end = end
        self.done = False


class Watermarks(Generic[Partition]):
    """Spans of all partitions in the order in which they were read."""

    def __init__(self) -> None:
        self._open: dict[Partition, deque[Span]] = {}
        self._read_to: dict[Partition, int] = {}
        self._done_to: dict[Partition, int] = {}

    def add(self, partition: Partition, first: int, last: int) -> Span:
        """Note that records `first` to `last` are now under way; offsets may have gaps.

        If they step back behind what was read before, earlier spans of the partition are
        forgotten: those records come again.
        """
        if first < self._read_to.get(partition, 0):
            self._open.pop(partition, None)
            self._done_to.pop(partition, None)
        span = Span(last + 1)
        self._open.setdefault(partition, deque()).append(span)
        self._read_to[partition] = last + 1
        return span

    def advance(self) -> dict[Partition, int]:
        """Take the spans that are done from the front of each partition.

        Returns:
            Partition -> offset to commit, for those that moved since they were last `committed`.
        """
        for partition, spans in self._open.items():
            while spans and spans[0].done:
                self._done_to[partition] = spans.popleft().end
        return dict(self._done_to)

    def committed(self, offsets: dict[Partition, int]) -> None:
        """Note what Kafka has acknowledged."""
        for partition, offset in offsets.items():
            if self._done_to.get(partition) == offset:
                del self._done_to[partition]

    @property
    def under_way(self) -> int:
        """How many spans are not yet taken; what a crash would have read again."""
        return sum(map(len, self._open.values()))
