"""From which probability the second of two classes is predicted: chosen on validation rows."""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_curve

from contracts.packages import Costs

DEFAULT_THRESHOLD = 0.5
LEAST_OF_EACH_CLASS = 10
"""With fewer validation rows of either class a chosen threshold would be chance."""


def best_threshold(
    is_positive: NDArray[np.bool_], scores: NDArray[np.float64], costs: Costs | None = None
) -> float:
    """The probability that costs least on validation rows, or without costs gives the best F1.

    It lies half way to the next lower score. With too few rows of either class it is that of
    calibrated probabilities: 0.5, or what the costs say (Elkan 2001, The foundations of
    cost-sensitive learning).
    """
    by_default = DEFAULT_THRESHOLD if costs is None else costs.threshold
    if min(is_positive.sum(), (~is_positive).sum()) < LEAST_OF_EACH_CLASS:
        return by_default
    if costs is not None:
        return _cheapest(is_positive, scores, costs)
    precision, recall, thresholds = precision_recall_curve(is_positive, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(f1[:-1].argmax())
    if best == 0 or f1[best] <= f1[0]:  # nothing beats saying yes always
        return by_default
    return float((thresholds[best - 1] + thresholds[best]) / 2)


def _cheapest(is_positive: NDArray[np.bool_], scores: NDArray[np.float64], costs: Costs) -> float:
    order = np.argsort(scores, kind="stable")
    values, positive = scores[order], is_positive[order]
    # Cut k says no to the k lowest scores: positives among them are missed, negatives above are
    # false alarms.
    missed = np.concatenate([[0], np.cumsum(positive)])
    alarms = np.concatenate([[0], np.cumsum(~positive)])
    total = missed * costs.false_negative + (alarms[-1] - alarms) * costs.false_positive
    cuts = np.concatenate([[True], values[1:] > values[:-1], [True]])  # equal scores stay together
    best = int(np.flatnonzero(cuts)[total[cuts].argmin()])
    if best == 0:
        return 0.0
    if best == len(values):
        return float(np.nextafter(1.0, 2.0))  # never
    return float((values[best - 1] + values[best]) / 2)
