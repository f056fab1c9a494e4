"""How well a classifier tells two sets of rows apart: drift of all features together.

Rabanser, Günnemann and Lipton 2019, Failing Loudly (domain classifier); Lopez-Paz and Oquab 2017,
Revisiting Classifier Two-Sample Tests. 0.5: not at all; 1: every row. It sees what no feature alone
shows, for example that two of them no longer go together.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from contracts.events import FeatureValue

MOST_ROWS = 1000
"""Of each side: a window that can be told apart at all shows in as many."""
MOST_FEATURES = 32
LEAST_ROWS = 50
"""Of each side; fewer cannot be told apart by anybody."""

_FOLDS = 3
_MOST_CATEGORIES = 200
_LARGEST_LIMIT = 1.0
"""Blocks that can all be told apart say that this shows no drift: it is never over then."""

Rows = Mapping[str, Sequence[FeatureValue]]


def separability(one: Rows, other: Rows, seed: int = 0) -> float:
    """The cross-validated area under the ROC curve of telling rows of one from rows of the other.

    Args:
        one, other: feature -> values, the same features and at least 50 rows each.
    """
    names = list(one)
    columns = [_codes([*one[name], *other[name]]) for name in names]
    inputs = np.column_stack([values for values, _ in columns])
    sides = np.repeat([0, 1], [len(one[names[0]]), len(other[names[0]])])
    model = HistGradientBoostingClassifier(
        max_iter=20,
        max_leaf_nodes=15,
        early_stopping=False,
        categorical_features=[categorical for _, categorical in columns],
        random_state=seed,
    )
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
    with threadpool_limits(1):  # small fits: threads would wait for each other
        chances = cross_val_predict(model, inputs, sides, cv=folds, method="predict_proba")
    return float(roc_auc_score(sides, chances[:, 1]))


def separability_limit(
    blocks: Sequence[float], block_rows: int, reference_rows: int, rows: int, share: float
) -> float:
    """The area that a window without drift exceeds in `share` of all cases.

    Args:
        blocks: what blocks of the training data had, each with `block_rows` rows against as many.
        reference_rows, rows: of the sample of the training data and of the window.

    Chance alone spreads the area as it spreads the Mann-Whitney U statistic (1947); what blocks
    spread beyond that is time, of which there are few of them: hence Student's distribution.
    """
    chance = _chance(reference_rows, rows)
    if len(blocks) < 2:
        return min(_LARGEST_LIMIT, 0.5 + float(norm.isf(share)) * chance)
    own = _chance(block_rows, block_rows)
    between = max(0.0, float(np.var(blocks, ddof=1)) - own**2)
    time = float(t.isf(share, len(blocks) - 1)) ** 2 * between * (1 + 1 / len(blocks))
    mean = max(0.5, float(np.mean(blocks)))
    return min(_LARGEST_LIMIT, mean + float(np.sqrt((norm.isf(share) * chance) ** 2 + time)))


def _chance(one: int, other: int) -> float:
    return float(np.sqrt((one + other + 1) / (12 * one * other)))


def _codes(values: Sequence[FeatureValue]) -> tuple[NDArray[np.float64], bool]:
    """A column as numbers, and whether they stand for categories; missing values are NaN. Truth
    values are text in the log, so they are text here."""
    if not any(isinstance(value, str | bool) for value in values):
        return np.array(values, dtype=np.float64), False
    texts = [None if value is None else _text(value) for value in values]
    present, counts = np.unique([text for text in texts if text is not None], return_counts=True)
    ranked = present[np.argsort(-counts, kind="stable")].tolist()
    code = {text: min(n, _MOST_CATEGORIES) for n, text in enumerate(ranked)}
    return np.array([np.nan if text is None else code[text] for text in texts]), True


def _text(value: FeatureValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
