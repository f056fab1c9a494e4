"""What the estimators of each task answer, as the outcomes that messages carry."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.events import (
    Anomaly,
    Classification,
    Clustering,
    MultiOutput,
    Outcome,
    Regression,
)
from contracts.packages import Target


def classify(
    estimator: Any,
    inputs: Any,
    classes: Sequence[str],
    threshold: float | None,
    costs: NDArray[np.float64] | None = None,
) -> Sequence[Outcome | None]:
    """Classes of n rows; None where a probability is not finite.

    Args:
        costs: k × k, of the class in the column where that in the row is true: the answer is the
            class of least expected cost (Elkan 2001, The foundations of cost-sensitive learning).
    """
    if not hasattr(estimator, "predict_proba"):
        answers = np.asarray(estimator.predict(inputs)).tolist()
        return [Classification(label_text(value), None, {}) for value in answers]
    probabilities = np.asarray(estimator.predict_proba(inputs), dtype=np.float64)
    return _classes(probabilities, classes, threshold, costs)


def regress(estimator: Any, inputs: Any) -> Sequence[Outcome | None]:
    """Numbers for n rows; None where one is not finite."""
    return _numbers(np.asarray(estimator.predict(inputs), dtype=np.float64).ravel())


def cluster(estimator: Any, inputs: Any) -> Sequence[Outcome | None]:
    """Clusters of n rows, with the distance to the nearest centre where there are centres."""
    clusters = np.asarray(estimator.predict(inputs)).tolist()
    if not hasattr(estimator, "transform"):
        return [Clustering(int(found)) for found in clusters]
    distances = np.asarray(estimator.transform(inputs)).min(axis=1)
    answers = [Clustering(int(c), d) for c, d in zip(clusters, distances.tolist(), strict=True)]
    return _without_infinite(answers, np.isfinite(distances))


def detect(estimator: Any, inputs: Any) -> Sequence[Outcome | None]:
    """Whether each of n rows is out of the ordinary, and how much."""
    verdicts = np.asarray(estimator.predict(inputs)).tolist()
    scores = np.asarray(estimator.decision_function(inputs), dtype=np.float64).ravel()
    answers = [Anomaly(v == -1, score) for v, score in zip(verdicts, scores.tolist(), strict=True)]
    return _without_infinite(answers, np.isfinite(scores))


def answer_several(
    estimator: Any, inputs: Any, targets: Sequence[Target]
) -> Sequence[Outcome | None]:
    """Several targets of n rows; None where one of them has no answer.

    Classes come with probabilities where the estimator gives one matrix of them per target, as
    forests and `MultiOutputClassifier` do.
    """
    columns = _by_target(estimator, inputs, targets)
    names = [target.name for target in targets]
    return [
        None if None in row else MultiOutput(dict(zip(names, row, strict=True)))
        for row in zip(*columns, strict=True)
    ]


def _by_target(
    estimator: Any, inputs: Any, targets: Sequence[Target]
) -> list[Sequence[Outcome | None]]:
    if all(target.classes for target in targets) and hasattr(estimator, "predict_proba"):
        matrices = estimator.predict_proba(inputs)
        if isinstance(matrices, list):
            return [
                _classes(np.asarray(matrix, dtype=np.float64), target.classes, None)
                for matrix, target in zip(matrices, targets, strict=True)
            ]
    answers = np.asarray(estimator.predict(inputs))
    return [
        [Classification(label_text(value), None, {}) for value in column.tolist()]
        if target.classes
        else _numbers(column.astype(np.float64))
        for column, target in zip(answers.T, targets, strict=True)
    ]


def _classes(
    probabilities: NDArray[np.float64],
    classes: Sequence[str],
    threshold: float | None,
    costs: NDArray[np.float64] | None = None,
) -> Sequence[Outcome | None]:
    if costs is not None:
        best = (probabilities @ costs).argmin(axis=1)
    elif threshold is not None and probabilities.shape[1] == 2:
        best = (probabilities[:, 1] >= threshold).astype(np.intp)
    else:
        best = probabilities.argmax(axis=1)
    rows = probabilities.tolist()
    shares: list[dict[str, float]]
    if len(classes) == 2:  # by far the most frequent, and a display is thrice as fast
        one, other = classes
        shares = [{one: first, other: second} for first, second in rows]
    else:
        shares = [dict(zip(classes, row, strict=True)) for row in rows]
    labels = [classes[index] for index in best.tolist()]
    confidences = probabilities[np.arange(len(rows)), best].tolist()
    answers = list(map(Classification, labels, confidences, shares))
    return _without_infinite(answers, np.isfinite(probabilities.sum(axis=1)))


def _numbers(values: NDArray[np.float64]) -> Sequence[Outcome | None]:
    return _without_infinite(list(map(Regression, values.tolist())), np.isfinite(values))


def _without_infinite(
    answers: Sequence[Outcome], finite: NDArray[np.bool_]
) -> Sequence[Outcome | None]:
    if finite.all():
        return answers
    return [answer if ok else None for answer, ok in zip(answers, finite.tolist(), strict=True)]


def label_text(value: object) -> str:
    """How a class is written in messages: true/false, integers without '.0', else as text."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
