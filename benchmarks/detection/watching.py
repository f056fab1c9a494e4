"""Windows, verdicts and alerts as the monitor has them, over one stream (pure)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.detection.signals import Codes, Learned, Signals
from contracts.drift_statistics import (
    degrees_of_freedom,
    pooled,
    psi,
    psi_excess,
    psi_limit,
    time_spread,
)
from contracts.release_rules import MonitorRule

AUC_MARGIN = 0.05
"""How much worse than the held-out figure the AUC of a window may be."""

Verdicts = NDArray[np.bool_]


class DriftLimits:
    """The limits of every signal for windows of so many rows.

    Args:
        rows: of a window, and of the blocks of the reference that tell how much windows differ
            by themselves.
        rule: the share of windows without drift in which any signal may be over its limit.
    """

    def __init__(self, learned: Learned, rows: int, rule: MonitorRule) -> None:
        self._rows, self._rule = rows, rule
        self._signals = {}
        for name, codes in learned.reference.items():
            bins = int(codes.max()) + 3  # others and missing, which the reference may not have
            counts = _counts(codes, bins)
            excesses = [psi_excess(counts, _counts(block, bins)) for block in _windows(codes, rows)]
            self._signals[name] = counts, time_spread(excesses, degrees_of_freedom(counts))

    def over(self, signals: Signals) -> Verdicts:
        """For each whole window whether any signal was over its limit."""
        found = [
            [self._is_over(name, window) for window in _windows(signals.bins[name], self._rows)]
            for name in self._signals
        ]
        return np.asarray(np.any(found, axis=0), dtype=bool)

    def _is_over(self, name: str, window: Codes) -> bool:
        counts, time = self._signals[name]
        before, now = pooled(counts, _counts(window, len(counts)))
        limit = psi_limit(before, self._rows, time, self._rule.false_alarms, len(self._signals))
        return psi(before, now) > limit


def performance_over(learned: Learned, rows: int, signals: Signals) -> Verdicts:
    """For each whole window whether its AUC was worse than it may be."""
    return np.array(
        [
            signals.auc(slice(first, first + rows)) < learned.auc - AUC_MARGIN
            for first in range(0, len(signals.label) - rows + 1, rows)
        ]
    )


def raised(over: Verdicts, rule: MonitorRule) -> list[int]:
    """Windows at whose end an alert is raised: over in `over` of the newest `windows`; it is
    resolved when none of these was over."""
    alerts, is_open = [], False
    for number in range(len(over)):
        recent = int(over[max(0, number + 1 - rule.windows) : number + 1].sum())
        if not is_open and recent >= rule.over:
            alerts.append(number)
            is_open = True
        elif recent == 0:
            is_open = False
    return alerts


def _windows(codes: Codes, rows: int) -> Sequence[Codes]:
    whole = len(codes) // rows
    return list(codes[: whole * rows].reshape(whole, rows))


def _counts(codes: Codes, bins: int) -> NDArray[np.float64]:
    return np.bincount(codes, minlength=bins).astype(np.float64)
