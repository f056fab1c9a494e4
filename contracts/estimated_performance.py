"""What a classifier is worth where no labels are: its calibrated confidence says how often it is
right.

Confidence-based performance estimation (CBPE) of NannyML (Kivimäki et al. 2024, Confidence-based
Estimators for Predictive Performance in Model Monitoring). It holds while features change and what
follows from them does not; what it cannot see is a change of what follows.
"""

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression

MOST_POINTS = 20
_LEAST_ROWS_OF_A_POINT = 25

Floats = NDArray[np.float64]


class Calibration(Struct, frozen=True, kw_only=True):
    """From a score to how often it came true, on rows that the model had not seen.

    Args:
        scores, observed: at most 20 points, both rising; between them it goes straight, beyond
            them it stays.
        positive: of two classes the one whose probability the score is; None: the score is the
            confidence in whatever was answered.
    """

    scores: tuple[float, ...]
    observed: tuple[float, ...]
    positive: str | None = None

    def __call__(self, scores: Floats) -> Floats:
        """The expected share that comes true."""
        return np.interp(scores, self.scores, self.observed)


class Scores(Struct, frozen=True):
    """n rows, or k bins of rows with one score each.

    Args:
        values: probability of the positive class, or confidence in the answer.
        rows: how many rows have it.
        positive: whether they were answered with the positive class; all True where the score is
            the confidence in the answer.
    """

    values: Floats
    rows: Floats
    positive: NDArray[np.bool_]


def calibrate(scores: Floats, came_true: NDArray[np.bool_], positive: str | None) -> Calibration:
    """Isotonic regression on means of bins of as many rows each, so that few points say it
    (Zadrozny and Elkan 2002, Transforming classifier scores into accurate multiclass probability
    estimates)."""
    order = np.argsort(scores, kind="stable")
    points = max(1, min(MOST_POINTS, len(scores) // _LEAST_ROWS_OF_A_POINT))
    parts = [part for part in np.array_split(order, points) if len(part)]
    means = np.array([scores[part].mean() for part in parts])
    shares = np.array([came_true[part].mean() for part in parts])
    sizes = np.array([len(part) for part in parts])
    rising = IsotonicRegression(y_min=0, y_max=1).fit_transform(means, shares, sample_weight=sizes)
    return Calibration(
        scores=tuple(means.tolist()), observed=tuple(rising.tolist()), positive=positive
    )


def estimated_accuracy(scores: Scores, calibration: Calibration) -> float:
    """The share of right answers that the scores let expect."""
    expected = calibration(scores.values)
    right = np.where(scores.positive, expected, 1 - expected)
    return float(np.average(right, weights=scores.rows))


def estimated_roc_auc(scores: Scores, calibration: Calibration) -> float | None:
    """The area under the ROC curve that the scores let expect: for every pair of rows, how likely
    the one with the higher score is the positive one. None where one class alone is expected."""
    order = np.argsort(scores.values, kind="stable")
    expected, rows = calibration(scores.values[order]), scores.rows[order]
    yes, no = rows * expected, rows * (1 - expected)
    if not yes.sum() or not no.sum():
        return None
    # Rows of equal scores count half, so they are put together first.
    _, place = np.unique(scores.values[order], return_inverse=True)
    positives, negatives = np.bincount(place, yes), np.bincount(place, no)
    below = np.cumsum(negatives) - negatives + negatives / 2
    return float(np.sum(positives * below) / (positives.sum() * negatives.sum()))
