"""How good a model is on rows it has not seen, and from which probability it says yes."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    mean_absolute_error,
    precision_recall_curve,
    precision_recall_fscore_support,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

from contracts.packages import Metrics

DEFAULT_THRESHOLD = 0.5
LEAST_OF_EACH_CLASS = 10
"""With fewer validation rows of either class a chosen threshold would be chance."""


def classification_metrics(
    truth: NDArray[Any],
    probabilities: NDArray[np.float64],
    classes: Sequence[Any],
    threshold: float | None = None,
) -> Metrics:
    """Figures for n rows and k classes; those that the rows do not define are left out.

    Args:
        truth: the n true classes; one the model does not know counts as wrong.
        probabilities: n × k.
        classes: k, in the order of the columns.
        threshold: for two classes, the probability of the second from which it is predicted.

    Returns:
        rows, accuracy, precision, recall, f1, roc_auc, log_loss. With two classes precision,
        recall and F1 are those of the second; with more they are means over the classes
        (macro), and the AUC that of one against the rest.
    """
    known = np.asarray(classes)
    if len(known) == 2:
        chosen = (probabilities[:, 1] >= (threshold or DEFAULT_THRESHOLD)).astype(int)
    else:
        chosen = probabilities.argmax(axis=1)
    predicted = known[chosen]
    counted = known[1:] if len(known) == 2 else None
    precision, recall, f1, _ = precision_recall_fscore_support(
        truth, predicted, labels=counted, average="macro", zero_division=0.0
    )
    metrics = {
        "rows": float(len(truth)),
        "accuracy": accuracy_score(truth, predicted),
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "roc_auc": _area(truth, probabilities, known),
        "log_loss": _log_loss(truth, probabilities, known),
    }
    return _finite(metrics)


def regression_metrics(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> Metrics:
    """rows, mae and rmse in the unit of the target, and r2 (absent for fewer than two rows)."""
    r2 = r2_score(truth, predicted) if len(truth) > 1 else math.nan
    return _finite(
        {
            "rows": float(len(truth)),
            "mae": mean_absolute_error(truth, predicted),
            "rmse": root_mean_squared_error(truth, predicted),
            "r2": r2,
        }
    )


def best_threshold(is_positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    """The probability that gives the best F1 on validation rows.

    It lies half way to the next lower score. 0.5 where there are too few rows of either class,
    or where nothing beats saying yes always.
    """
    if min(is_positive.sum(), (~is_positive).sum()) < LEAST_OF_EACH_CLASS:
        return DEFAULT_THRESHOLD
    precision, recall, thresholds = precision_recall_curve(is_positive, scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    best = int(f1[:-1].argmax())
    if best == 0 or f1[best] <= f1[0]:
        return DEFAULT_THRESHOLD
    return float((thresholds[best - 1] + thresholds[best]) / 2)


def _area(truth: NDArray[Any], probabilities: NDArray[np.float64], known: NDArray[Any]) -> float:
    """Macro mean of one against the rest, over the classes that occur."""
    columns = [1] if len(known) == 2 else range(len(known))
    areas = [
        roc_auc_score(truth == known[column], probabilities[:, column])
        for column in columns
        if 0 < (truth == known[column]).sum() < len(truth)
    ]
    return float(np.mean(areas)) if areas else math.nan


def _log_loss(
    truth: NDArray[Any], probabilities: NDArray[np.float64], known: NDArray[Any]
) -> float:
    """A class the model does not know had probability zero, bounded as scikit-learn does."""
    of_truth = np.where(truth[:, None] == known[None, :], probabilities, 0.0).sum(axis=1)
    return float(-np.log(np.clip(of_truth, np.finfo(np.float64).eps, 1.0)).mean())


def _finite(metrics: dict[str, float]) -> Metrics:
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
