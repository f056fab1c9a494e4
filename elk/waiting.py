"""Records that are read and not yet sent, bounded in number and in bytes."""

from collections import deque
from collections.abc import Iterable
from typing import Generic, TypeVar

from elk.record import Record

R = TypeVar("R", bound=Record)


class Waiting(Generic[R]):
    """First in, first out. Whoever reads stops when it is `full`.

    Args:
        most_records, most_bytes: from so many on it is full; bytes are those of the values.
    """

    def __init__(self, most_records: int, most_bytes: int) -> None:
        self._most_records = most_records
        self._most_bytes = most_bytes
        self._records: deque[R] = deque()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._records)

    @property
    def full(self) -> bool:
        """Whether a request can be made of it that is as large as requests should be."""
        return len(self._records) >= self._most_records or self._bytes >= self._most_bytes

    def extend(self, records: Iterable[R]) -> None:
        """Add records at the end, full or not."""
        for record in records:
            self._records.append(record)
            self._bytes += len(record.value or b"")

    def popleft(self) -> R:
        """Take the first record.

        Raises:
            IndexError: there is none.
        """
        record = self._records.popleft()
        self._bytes -= len(record.value or b"")
        return record
