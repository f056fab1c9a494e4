"""What a model answers on rows that it has not seen, as signals, calibration and estimates."""

from collections.abc import Callable, Sequence

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from contracts.estimated_performance import (
    Calibration,
    Scores,
    calibrate,
    estimated_accuracy,
    estimated_roc_auc,
)
from contracts.events import (
    Anomaly,
    Classification,
    Clustering,
    FeatureValue,
    MultiOutput,
    Outcome,
    Regression,
)
from contracts.reference import Estimate, Signal
from contracts.signal_names import ESTIMATED_ACCURACY, ESTIMATED_ROC_AUC
from trainer.reference.blocks import Blocks
from trainer.reference.distributions import Coded, categories, numbers, signal

_LEAST_ROWS = 100
"""Fewer calibrate nothing."""
_RESAMPLES = 50


class OutOfSample(Struct, frozen=True):
    """n rows with the answers of a model that was not fitted on them.

    Args:
        rows: their numbers among the training data.
        outcomes: n answers; None where the model had none.
    """

    rows: NDArray[np.intp]
    outcomes: Sequence[Outcome | None]


def answer_signals(outcomes: Sequence[Outcome], blocks: Blocks) -> tuple[Signal, ...]:
    """The signals of n answers of one task."""
    columns = _columns(outcomes)
    return tuple(signal(name, source, coded, blocks) for name, source, coded in columns)


def _columns(outcomes: Sequence[Outcome]) -> list[tuple[str, str, Coded]]:
    """Name of a signal, its place in the log, and the column."""
    first = outcomes[0] if outcomes else None
    found: list[tuple[str, str, Coded]] = []
    if isinstance(first, Classification):
        found.append(("prediction", "label", categories(_get(outcomes, "label"))))
        if first.confidence is not None:
            found.append(("confidence", "confidence", _numbers(outcomes, "confidence", True)))
    elif isinstance(first, Regression):
        found.append(("prediction", "value", _numbers(outcomes, "value")))
    elif isinstance(first, Clustering):
        found.append(("prediction", "cluster", categories(_get(outcomes, "cluster"))))
        if first.distance is not None:
            found.append(("distance to centre", "distance", _numbers(outcomes, "distance")))
    elif isinstance(first, Anomaly):
        found.append(("prediction", "is_anomaly", categories(_get(outcomes, "is_anomaly"))))
        found.append(("anomaly score", "score", _numbers(outcomes, "score")))
    elif isinstance(first, MultiOutput):
        for target, part in first.outputs.items():
            parts = [one.outputs[target] for one in outcomes if isinstance(one, MultiOutput)]
            name = f"prediction of {target}"
            if isinstance(part, Classification):
                found.append((name, f"labels.{target}", categories(_get(parts, "label"))))
            else:
                found.append((name, f"values.{target}", _numbers(parts, "value")))
    return found


def _get(outcomes: Sequence[Outcome], attribute: str) -> list[FeatureValue]:
    return [getattr(outcome, attribute) for outcome in outcomes]


def _numbers(outcomes: Sequence[Outcome], attribute: str, single: bool = False) -> Coded:
    return numbers(np.array(_get(outcomes, attribute), dtype=np.float64), single=single)


def calibration_of(
    outcomes: Sequence[Outcome], truth: Sequence[FeatureValue], classes: Sequence[str]
) -> tuple[Calibration, Scores] | None:
    """How often a confidence comes true; None where answers have none, or rows are too few.

    Args:
        truth: n classes as messages write them.
        classes: two: the score is the probability of the second.
    """
    answers = [one for one in outcomes if isinstance(one, Classification)]
    if len(answers) < max(_LEAST_ROWS, len(outcomes)) or answers[0].confidence is None:
        return None
    labels = np.array([one.label for one in answers], dtype=object)
    true = np.array(truth, dtype=object)
    positive = classes[1] if len(classes) == 2 else None
    if positive is None:
        values = np.array([one.confidence for one in answers], dtype=np.float64)
        came_true, answered = labels == true, np.ones(len(labels), dtype=np.bool_)
    else:
        values = np.array([one.probabilities.get(positive, 0.0) for one in answers])
        came_true, answered = true == positive, labels == positive
    scores = Scores(values, np.ones(len(values)), answered)
    return calibrate(values, came_true, positive), scores


def estimates_of(
    calibration: Calibration, scores: Scores, blocks: Blocks, seed: int
) -> tuple[Estimate, ...]:
    """Expected accuracy, and for two classes the expected ROC AUC, with how much they vary."""
    kinds: list[tuple[str, Callable[[Scores, Calibration], float | None]]] = [
        (ESTIMATED_ACCURACY, estimated_accuracy)
    ]
    if calibration.positive is not None:
        kinds.append((ESTIMATED_ROC_AUC, estimated_roc_auc))
    found = (_estimate(*kind, calibration, scores, blocks, seed) for kind in kinds)
    return tuple(one for one in found if one is not None)


def _estimate(
    name: str,
    estimate: Callable[[Scores, Calibration], float | None],
    calibration: Calibration,
    scores: Scores,
    blocks: Blocks,
    seed: int,
) -> Estimate | None:
    value, generator, rows = estimate(scores, calibration), np.random.default_rng(seed), scores.rows
    if value is None:
        return None

    def of(chosen: NDArray[np.intp]) -> float:
        part = Scores(scores.values[chosen], rows[chosen], scores.positive[chosen])
        found = estimate(part, calibration)
        return value if found is None else found

    count = len(rows)
    some = min(count, 2000)
    tried = [of(generator.choice(count, some)) for _ in range(_RESAMPLES)]
    spread = float(np.std(tried)) * some**0.5
    parts = [part for part in blocks.rows() if len(part)]
    found = np.array([of(part) for part in parts])
    chance = np.array([spread**2 / len(part) for part in parts])
    between = float(np.var(found, ddof=1) - chance.mean()) if len(parts) > 1 else 0.0
    return Estimate(
        name=name, value=value, rows=count, spread=spread, between=max(0.0, between) ** 0.5
    )
