"""Golden samples: a few inputs whose predictions every worker must reproduce before it serves."""

from collections.abc import Sequence

import numpy as np

from contracts.errors import UsageError
from contracts.events import (
    Anomaly,
    Classification,
    Clustering,
    FeatureValue,
    MultiOutput,
    Outcome,
    Regression,
)
from contracts.packages import GoldenSample
from contracts.scorer import Columns, Scorer

SPREAD_ROWS = 5
UNKNOWN_CATEGORY = "a category that training never saw"


def golden_samples(scorer: Scorer, columns: Columns) -> tuple[GoldenSample, ...]:
    """Choose varied inputs and record what the model answers through the path that serves.

    Rows spread over the range of predictions, the one with the most gaps, one with every gap the
    schema allows, and one of unknown categories: each of them takes another way through the
    pipeline.

    Raises:
        UsageError: the model's answer to one of them is not a finite number.
    """
    rows = [_row(scorer, columns, number) for number in _chosen_rows(scorer, columns)]
    rows += _invented(scorer, rows[0])
    outcomes = scorer.predict(scorer.schema.columns(rows))
    samples = []
    for row, outcome in zip(rows, outcomes, strict=True):
        if outcome is None:
            raise UsageError(
                "the trained model gives no finite number for some rows: look for extremely "
                "large values in the data, or try another estimator"
            )
        samples.append(GoldenSample(row, outcome))
    return tuple(samples)


def _chosen_rows(scorer: Scorer, columns: Columns) -> list[int]:
    candidates = np.linspace(0, len(columns[0]) - 1, num=min(len(columns[0]), 200), dtype=int)
    outcomes = scorer.predict([[column[i] for i in candidates] for column in columns])
    ordered = candidates[np.argsort([_height(outcome) for outcome in outcomes], kind="stable")]
    spread = ordered[np.linspace(0, len(ordered) - 1, num=SPREAD_ROWS, dtype=int)].tolist()
    gaps = [sum(column[i] is None for column in columns) for i in candidates]
    return list(dict.fromkeys([*spread, int(candidates[int(np.argmax(gaps))])]))


def _height(outcome: Outcome | None) -> float:
    if isinstance(outcome, Classification):
        return next(iter(outcome.probabilities.values()), 0.0)
    if isinstance(outcome, MultiOutput):
        return _height(next(iter(outcome.outputs.values())))
    if isinstance(outcome, Clustering):
        return float(outcome.cluster)
    if isinstance(outcome, Anomaly):
        return outcome.score
    return outcome.value if isinstance(outcome, Regression) else 0.0


def _row(scorer: Scorer, columns: Columns, number: int) -> dict[str, FeatureValue]:
    return {name: column[number] for name, column in zip(scorer.schema.names, columns, strict=True)}


def _invented(scorer: Scorer, row: dict[str, FeatureValue]) -> Sequence[dict[str, FeatureValue]]:
    features = scorer.schema.features
    rows = []
    if any(feature.nullable for feature in features):
        rows.append(row | {feature.name: None for feature in features if feature.nullable})
    texts = [feature.name for feature in features if feature.kind in ("categorical", "text")]
    if texts:
        rows.append(row | dict.fromkeys(texts, UNKNOWN_CATEGORY))
    return rows
