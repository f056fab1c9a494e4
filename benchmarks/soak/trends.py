"""Whether a figure stays flat over a run (pure)."""

from collections.abc import Mapping, Sequence

import numpy as np
from msgspec import Struct
from scipy.stats import theilslopes

WARM_UP = 0.2
"""Share of a run that does not count: caches and pools fill up first."""

LIMITS: Mapping[str, float] = {
    "memory_mib": 32.0,
    "descriptors": 8.0,
    "threads": 2.0,
    "lag": 5_000.0,
}
"""Most growth per hour that counts as flat, in the figure's own unit."""


class Trend(Struct, frozen=True):
    """How a figure moved after the warm-up: `per_hour` in its own unit."""

    subject: str
    figure: str
    first: float
    last: float
    highest: float
    per_hour: float

    @property
    def flat(self) -> bool:
        """Whether it grew by no more than its limit per hour."""
        return self.per_hour <= LIMITS[self.figure]


def trend(subject: str, figure: str, seconds: Sequence[float], values: Sequence[float]) -> Trend:
    """Fit a line through a figure's samples by the Theil-Sen estimator (Sen, 1968): the median
    of the slopes of all pairs, which single spikes do not move.

    Args:
        seconds, values: one of each per sample, in the order of time; at least one sample.
    """
    kept = np.asarray(seconds) >= np.max(seconds) * WARM_UP
    x, y = np.asarray(seconds)[kept], np.asarray(values, dtype=float)[kept]
    slope = float(theilslopes(y, x).slope) if len(set(x)) > 1 else 0.0
    part = max(1, len(y) // 10)
    return Trend(
        subject,
        figure,
        float(np.median(y[:part])),
        float(np.median(y[-part:])),
        float(y.max()),
        slope * 3600,
    )
