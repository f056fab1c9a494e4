"""An estimator whose every call takes as long as a file says: a model that became slow."""

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

VARIABLE = "CHAOS_SLOW"
"""Names the file; while there is none, or nothing in it, the model is quick."""


class PacedRegressor(RegressorMixin, BaseEstimator):
    """Answers one number; that of a version tells which version answered."""

    def __init__(self, answer: float = 0.0) -> None:
        self.answer = answer

    def fit(self, _: Any, __: Any = None) -> "PacedRegressor":
        """Nothing to learn."""
        self.n_features_in_ = 1
        return self

    def predict(self, rows: Any) -> Any:
        """Shape (n,): the answer for each of n rows, after the seconds in the file."""
        time.sleep(seconds_in(os.environ.get(VARIABLE)))
        return np.full(len(rows), self.answer)


def seconds_in(path: str | None) -> float:
    """The number in a file; 0 if there is none."""
    try:
        return float(Path(path or "").read_text() or 0)
    except (OSError, ValueError):
        return 0.0
