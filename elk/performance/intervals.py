"""How sure figures are: percentile bootstrap intervals (Efron 1979) (pure)."""

import math

import numpy as np

from contracts.packages import Metrics
from elk.performance.rows import Rows

RESAMPLES = 200
_ENDS = (2.5, 97.5)
_SEED = 0


def bootstrap(rows: Rows, resamples: int = RESAMPLES) -> tuple[Metrics, Metrics]:
    """The ends of the 95 % interval of every figure.

    The same rows give the same ends. A figure that a resample does not define (an area under the
    curve without a positive), or that is beyond all numbers, is taken of the others.
    """
    chance = np.random.default_rng(_SEED)
    found: dict[str, list[float]] = {}
    for _ in range(resamples if rows.count else 0):
        drawn = np.bincount(chance.integers(0, rows.count, rows.count), minlength=rows.count)
        for name, value in rows.figures(drawn).items():
            if math.isfinite(value):
                found.setdefault(name, []).append(value)
    ends = {name: np.percentile(values, _ENDS) for name, values in found.items()}
    low = {name: float(pair[0]) for name, pair in ends.items()}
    return low, {name: float(pair[1]) for name, pair in ends.items()}
