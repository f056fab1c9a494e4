"""PSI and its limit, from counts per bin (pure).

The seam to the product: the functions have the names, arguments and results of those that the
monitor measures with (PSI: Siddiqi 2006; its distribution: Yurdakul 2018).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

Counts = NDArray[np.float64]


def psi(reference: Counts, window: Counts) -> float:
    """Population stability index, natural logarithm, smoothed by 0.5 per bin on both sides."""
    p, q = ((counts + 0.5) / (counts + 0.5).sum() for counts in (reference, window))
    return float(np.sum((p - q) * np.log(p / q)))


def psi_excess(reference: Counts, block: Counts) -> float:
    """How much greater the PSI of a block of the reference to its other rows is than that of
    independent rows; `reference` has the rows of the block too."""
    rest = reference - block
    return psi(rest, block) - _free(reference) * float(1 / block.sum() + 1 / rest.sum())


def tau(excesses: Sequence[float]) -> float:
    """What a stretch of time adds to the PSI by itself."""
    return max(0.0, float(np.mean(excesses)))


def psi_limit(reference: Counts, window_rows: float, tau: float, share: float) -> float:
    """The PSI that a window without drift exceeds in `share` of all cases."""
    free = _free(reference)
    expected = free * (1 / window_rows + 1 / float(reference.sum())) + tau
    return float(chi2.ppf(1 - share, free)) / free * expected


def _free(reference: Counts) -> int:
    return max(1, int(np.count_nonzero(reference)) - 1)
