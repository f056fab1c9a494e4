"""Figures of labelled rows under weights, fast enough to be taken of hundreds of resamples (pure).

With weights of one they are those of `contracts.evaluation`; a test holds the two together.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.evaluation import CALIBRATION_BINS
from contracts.packages import Costs, Metrics

Weights = NDArray[np.int64]
"""How often each of n rows is there."""
_LEAST = np.finfo(np.float64).eps


class Rows(Protocol):
    """Some labelled rows."""

    @property
    def count(self) -> int:
        """How many."""

    def figures(self, weights: Weights) -> Metrics:
        """The figures of these rows, each as often as its weight says."""


class ClassificationRows:
    """Rows of a classifier.

    Args:
        truth, predicted: n classes as text.
        probabilities: n × k, None: the model gives none.
        classes: k, in the order of the columns.
    """

    def __init__(
        self,
        truth: Sequence[str],
        predicted: Sequence[str],
        probabilities: NDArray[np.float64] | None,
        classes: Sequence[str],
        costs: Costs | None = None,
    ) -> None:
        self.count = len(truth)
        names = {name: n for n, name in enumerate(dict.fromkeys((*classes, *truth, *predicted)))}
        self._classes = len(names)
        self._truth = np.array([names[name] for name in truth], dtype=np.intp)
        self._said = np.array([names[name] for name in predicted], dtype=np.intp)
        self._counted = 1 if len(classes) == 2 else None
        hit = self._truth == self._said
        self._hit = hit.astype(np.float64)
        self._means: dict[str, NDArray[np.float64]] = {"accuracy": self._hit}
        self._areas: list[_Area] = []
        self._calibration: _Calibration | None = None
        if probabilities is not None:
            self._take_probabilities(probabilities, len(classes))
        if costs is not None and costs.by_class:
            self._means["cost"] = np.array(list(map(costs.of, truth, predicted)))
        elif costs is not None and len(classes) == 2:
            missed = (self._truth == 1) & (self._said != 1)
            alarm = (self._truth != 1) & (self._said == 1)
            self._means["cost"] = missed * costs.false_negative + alarm * costs.false_positive

    def _take_probabilities(self, probabilities: NDArray[np.float64], classes: int) -> None:
        happened = self._truth[:, None] == np.arange(classes)[None, :]
        of_truth = np.where(happened, probabilities, 0.0).sum(axis=1)
        self._means["log_loss"] = -np.log(np.clip(of_truth, _LEAST, 1.0))
        squares = (probabilities - happened) ** 2
        self._means["brier"] = squares[:, 1] if classes == 2 else squares.sum(axis=1)
        columns = [1] if classes == 2 else range(classes)
        self._areas = [_Area(happened[:, c], probabilities[:, c]) for c in columns]
        if classes == 2:
            self._calibration = _Calibration(probabilities[:, 1], happened[:, 1])
        else:
            best = probabilities.argmax(axis=1)
            self._calibration = _Calibration(probabilities.max(axis=1), self._truth == best)

    def figures(self, weights: Weights) -> Metrics:
        """accuracy, precision, recall and f1, and what probabilities and costs allow."""
        shares = weights.astype(np.float64)  # a product with whole numbers is a thousandfold slower
        total = shares.sum()
        found = {name: float(row @ shares / total) for name, row in self._means.items()}
        found |= self._per_class(shares)
        areas = [area for one in self._areas if (area := one.area(shares)) is not None]
        if areas:
            found["roc_auc"] = float(np.mean(areas))
        if self._calibration is not None:
            found["calibration_error"] = self._calibration.error(weights)
        return found

    def _per_class(self, weights: NDArray[np.float64]) -> Metrics:
        def counts(codes: NDArray[np.intp], of: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.bincount(codes, of, self._classes).astype(np.float64)

        true, said = counts(self._truth, weights), counts(self._said, weights)
        both = counts(self._truth, weights * self._hit)
        which = [self._counted] if self._counted is not None else np.flatnonzero(true + said)
        shares = {"precision": (both, said), "recall": (both, true), "f1": (2 * both, true + said)}
        return {
            name: float(np.mean(part[which] / np.maximum(whole[which], 1.0)))
            for name, (part, whole) in shares.items()
        }


class RegressionRows:
    """Rows of a regression: n true and n predicted numbers."""

    def __init__(self, truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> None:
        self.count = len(truth)
        error = predicted - truth
        centred = truth - truth.mean() if len(truth) else truth
        with np.errstate(over="ignore"):  # anybody may send a label of 1e300
            self._sums = np.stack([np.abs(error), error**2, error, centred, centred**2])

    def figures(self, weights: Weights) -> Metrics:
        """mae, rmse and bias in the unit of the target, and r2."""
        shares = weights.astype(np.float64)
        with np.errstate(invalid="ignore"):
            mae, mse, bias, mean, square = (self._sums @ shares / shares.sum()).tolist()
        spread = square - mean * mean
        found = {"mae": mae, "rmse": mse**0.5, "bias": bias}
        return found | ({"r2": 1.0 - mse / spread} if spread > 0.0 else {})


class SeveralRows:
    """Rows of several targets: figures of each, and the means of those that all have."""

    def __init__(self, targets: Mapping[str, Rows]) -> None:
        self._targets = targets
        self.count = min(rows.count for rows in targets.values())

    def figures(self, weights: Weights) -> Metrics:
        """`<target>.<figure>`, and `<figure>`."""
        found = {target: rows.figures(weights) for target, rows in self._targets.items()}
        shared = set.intersection(*(set(figures) for figures in found.values()))
        means = {n: float(np.mean([f[n] for f in found.values()])) for n in shared}
        return {f"{t}.{n}": value for t, f in found.items() for n, value in f.items()} | means


class _Area:
    """The area under the ROC curve by ranks, ties counted half (Mann and Whitney 1947)."""

    def __init__(self, positive: NDArray[np.bool_], score: NDArray[np.float64]) -> None:
        self._order = np.argsort(score, kind="stable")
        ordered = score[self._order]
        self._positive = positive[self._order].astype(np.float64)
        self._ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])

    def area(self, weights: NDArray[np.float64]) -> float | None:
        ordered = weights[self._order]
        all_ = np.cumsum(ordered)[self._ends]
        positive = np.cumsum(ordered * self._positive)[self._ends]
        negative = all_ - positive
        pairs = float(positive[-1] * negative[-1])
        # Of each group of ties: its positives, by the negatives below and half of its own.
        own, below = np.diff(positive, prepend=0.0), np.r_[0.0, negative[:-1]]
        return float(own @ (below + negative)) / 2 / pairs if pairs else None


class _Calibration:
    """The calibration error of `contracts.evaluation`: bins of as many rows each."""

    def __init__(self, said: NDArray[np.float64], happened: NDArray[np.bool_]) -> None:
        self._order = np.argsort(said, kind="stable")
        self._difference = (said - happened)[self._order]

    def error(self, weights: Weights) -> float:
        rows = np.repeat(self._difference, weights[self._order])
        bins = np.array_split(rows, min(CALIBRATION_BINS, len(rows)))
        return float(sum(abs(one.sum()) for one in bins) / len(rows))
