"""Stretches of the training data as long as a window: how much windows differ without drift."""

from itertools import pairwise

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

MOST_BLOCKS = 200
_FEWEST = 4
"""Data of less than four windows are cut into four blocks all the same."""

NOWHERE = -1


class Blocks(Struct, frozen=True):
    """Which block each of n rows lies in, -1 for those in none, and how many blocks there are."""

    of_row: NDArray[np.intp]
    count: int

    def counts(self, codes: NDArray[np.intp], bins: int) -> NDArray[np.intp]:
        """Rows per block (of its rows) and bin, blocks × bins.

        Args:
            codes: n numbers of bins.
        """
        inside = self.of_row != NOWHERE
        cells = self.of_row[inside] * bins + codes[inside]
        return np.bincount(cells, minlength=self.count * bins).reshape(self.count, bins)

    def rows(self) -> list[NDArray[np.intp]]:
        """The numbers of each block's rows."""
        order = np.argsort(self.of_row, kind="stable")
        ends = np.searchsorted(self.of_row[order], np.arange(self.count + 1))
        return [order[start:end] for start, end in pairwise(ends.tolist())]


def cut(moments: NDArray[np.float64] | None, rows: int, hours: float, least_rows: int) -> Blocks:
    """Cut n rows into whole blocks of so many hours.

    Args:
        moments: seconds; None: rows have no time, so there are no blocks.
        least_rows: blocks with fewer are none, as such windows say nothing; unless fewer than two
            would be left.
    """
    none = Blocks(np.full(rows, NOWHERE, dtype=np.intp), 0)
    if moments is None or not len(moments) or not np.ptp(moments):
        return none
    start, span = float(moments.min()), float(np.ptp(moments))
    length = min(hours * 3600, span / _FEWEST)
    number = np.floor((moments - start) / length).astype(np.intp)
    whole = int(span / length)
    sizes = np.bincount(number[number < whole], minlength=whole)
    kept = np.flatnonzero(sizes >= least_rows)
    if len(kept) < 2:
        kept = np.flatnonzero(sizes)
    if len(kept) < 2:
        return none
    kept = kept[np.unique(np.linspace(0, len(kept) - 1, MOST_BLOCKS, dtype=int))]
    renamed = np.full(int(number.max()) + 1, NOWHERE, dtype=np.intp)
    renamed[kept] = np.arange(len(kept))
    return Blocks(renamed[number], len(kept))
