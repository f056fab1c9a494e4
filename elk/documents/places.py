"""Ids of documents as sets of offsets, compact enough for many millions (pure)."""

import re
from array import array
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ID = re.compile(r"(.+?-(\d+))-(\d+)(-serving|-shadow-.*)?")
_MOST_OFFSET = 2**63 - 1


class Stem(NamedTuple):
    """What the ids of a partition share: `<topic id>-<partition>` before, the slot after."""

    before: str
    partition: int
    slot: str

    def id_of(self, offset: int) -> str:
        """The id at an offset."""
        return f"{self.before}-{offset}{self.slot}"

    @property
    def topic_id(self) -> str:
        """The topic id in it."""
        return self.before.rpartition("-")[0]


def split_id(document_id: str) -> tuple[Stem, int] | None:
    """Take an id apart, None if it is not one of ours."""
    match = _ID.fullmatch(document_id)
    if match is None or int(match[3]) > _MOST_OFFSET:
        return None
    return Stem(match[1], int(match[2]), match[4] or ""), int(match[3])


class Places:
    """Ids, each as often as it was added, some with the offset of the record that says so."""

    def __init__(self) -> None:
        self._ids: dict[Stem, array[int]] = {}
        self._records: dict[Stem, array[int]] = {}
        self.strange: list[str] = []

    def add(self, document_id: str, record_offset: int = -1) -> None:
        """Note one; what is none of our ids goes to `strange`."""
        parts = split_id(document_id)
        if parts is None:
            self.strange.append(document_id)
            return
        stem, offset = parts
        self._ids.setdefault(stem, array("q")).append(offset)
        self._records.setdefault(stem, array("q")).append(record_offset)

    def __bool__(self) -> bool:
        return bool(self._ids)

    def stems(self) -> Iterator[Stem]:
        """All stems, in order."""
        return iter(sorted(self._ids))

    def __contains__(self, document_id: str) -> bool:
        parts = split_id(document_id)
        return parts is not None and bool(np.isin(parts[1], self.offsets(parts[0])))

    def offsets(self, stem: Stem) -> NDArray[np.int64]:
        """The n different offsets of a stem, ascending."""
        return np.unique(self._all(stem))

    def repeated(self, stem: Stem) -> NDArray[np.int64]:
        """Those that were added more than once."""
        offsets, counts = np.unique(self._all(stem), return_counts=True)
        return offsets[counts > 1]

    def count(self, stem: Stem) -> int:
        """How many were added."""
        return len(self._ids.get(stem, ()))

    def records_of(self, stem: Stem, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each of these offsets that of the first record that became this id."""
        known, first = np.unique(self._all(stem), return_index=True)
        records = np.frombuffer(self._records[stem], dtype=np.int64)
        return records[first[np.searchsorted(known, offsets)]]

    def _all(self, stem: Stem) -> NDArray[np.int64]:
        return np.frombuffer(self._ids.get(stem, array("q")), dtype=np.int64)
