"""How good answers are beside what really happened: one way for training, gate and rescoring."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    mean_absolute_error,
    precision_recall_fscore_support,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
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
from contracts.packages import Costs, Manifest, Metrics

CALIBRATION_BINS = 10

Truth = Mapping[str, Sequence[FeatureValue]]
"""Target -> n true values, classes as messages write them."""


def classes_of(manifest: Manifest, targets: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Target -> the classes that a model tells apart; none: it is a number."""
    if manifest.targets:
        return {target.name: target.classes for target in manifest.targets}
    return dict.fromkeys(targets, manifest.classes)


def outcome_metrics(
    outcomes: Sequence[Outcome | None],
    truth: Truth,
    classes: Mapping[str, Sequence[str]],
    costs: Costs | None = None,
) -> Metrics:
    """Figures for n answers; of several targets `<target>.<figure>`, and their means `<figure>`.

    Args:
        truth: none for clustering and anomalies: there is nothing to compare with.
        classes: target -> its classes, in the order of the model's probabilities.

    Returns:
        `classification_metrics` or `regression_metrics` of the rows that have an answer; without
        truth the number of clusters, or the share of anomalies.
    """
    answered = [number for number, outcome in enumerate(outcomes) if outcome is not None]
    given = [outcome for outcome in outcomes if outcome is not None]
    if not given:
        return {"rows": 0.0}
    if not truth:
        return _counts(given)
    by_target = {
        target: _metrics(
            [_part(outcome, target) for outcome in given],
            [values[number] for number in answered],
            classes.get(target, ()),
            costs,
        )
        for target, values in truth.items()
    }
    if len(by_target) == 1:
        return next(iter(by_target.values()))
    return {"rows": float(len(given)), **_together(by_target)}


def _counts(given: Sequence[Outcome]) -> Metrics:
    metrics = {"rows": float(len(given))}
    anomalies = [answer.is_anomaly for answer in given if isinstance(answer, Anomaly)]
    clusters = {answer.cluster for answer in given if isinstance(answer, Clustering)}
    metrics |= {"share_of_anomalies": float(np.mean(anomalies))} if anomalies else {}
    return metrics | ({"clusters": float(len(clusters))} if clusters else {})


def _part(outcome: Outcome, target: str) -> Classification | Regression:
    part = outcome.outputs[target] if isinstance(outcome, MultiOutput) else outcome
    assert isinstance(part, Classification | Regression)
    return part


def _metrics(
    answers: Sequence[Classification | Regression],
    truth: Sequence[FeatureValue],
    classes: Sequence[str],
    costs: Costs | None,
) -> Metrics:
    if isinstance(answers[0], Regression):
        values = np.array([answer.value for answer in answers if isinstance(answer, Regression)])
        return regression_metrics(np.array(truth, dtype=np.float64), values)
    labels = [answer for answer in answers if isinstance(answer, Classification)]
    probabilities = np.array([[a.probabilities.get(c, 0.0) for c in classes] for a in labels])
    return classification_metrics(
        np.array(truth, dtype=object),
        np.array([answer.label for answer in labels], dtype=object),
        probabilities if labels[0].probabilities else None,
        classes,
        costs,
    )


def _together(by_target: Mapping[str, Metrics]) -> Metrics:
    metrics = {f"{t}.{name}": v for t, figures in by_target.items() for name, v in figures.items()}
    shared = set.intersection(*(set(figures) for figures in by_target.values())) - {"rows"}
    means = {n: float(np.mean([f[n] for f in by_target.values()])) for n in sorted(shared)}
    return metrics | means


def classification_metrics(
    truth: NDArray[Any],
    predicted: NDArray[Any],
    probabilities: NDArray[np.float64] | None,
    classes: Sequence[str],
    costs: Costs | None = None,
) -> Metrics:
    """Figures for n rows and k classes; those that the rows do not define are left out.

    Args:
        truth: the n true classes; one the model does not know counts as wrong.
        predicted: the n classes that were answered.
        probabilities: n × k; None: the model gives none.
        classes: k, in the order of the columns.

    Returns:
        rows, accuracy, precision, recall, f1; with probabilities roc_auc, log_loss, brier and
        calibration_error; with costs the mean cost of a row. With two classes precision, recall,
        F1 and the Brier score are those of the second; with more, precision, recall and F1 are
        means over the classes (macro), the AUC is that of one against the rest, and the Brier
        score the sum over the classes (Brier 1950).
    """
    known = np.asarray(classes, dtype=object)
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
    }
    if probabilities is not None:
        metrics |= {
            "roc_auc": _area(truth, probabilities, known),
            "log_loss": _log_loss(truth, probabilities, known),
            "brier": _brier(truth, probabilities, known),
            "calibration_error": _calibration_error(truth, probabilities, known),
        }
    if costs is not None and costs.by_class:
        metrics["cost"] = np.mean(list(map(costs.of, truth.tolist(), predicted.tolist())))
    elif costs is not None and len(known) == 2:
        metrics["cost"] = _cost(truth == known[1], predicted == known[1], costs)
    return _finite(metrics)


def regression_metrics(truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> Metrics:
    """rows; mae, rmse and bias (mean of predicted - true) in the unit of the target; and r2 (absent
    for fewer than two rows)."""
    r2 = r2_score(truth, predicted) if len(truth) > 1 else math.nan
    return _finite(
        {
            "rows": float(len(truth)),
            "mae": mean_absolute_error(truth, predicted),
            "rmse": root_mean_squared_error(truth, predicted),
            "bias": (predicted - truth).mean(),
            "r2": r2,
        }
    )


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


def _brier(truth: NDArray[Any], probabilities: NDArray[np.float64], known: NDArray[Any]) -> float:
    happened = (truth[:, None] == known[None, :]).astype(np.float64)
    if len(known) == 2:
        return float(((probabilities[:, 1] - happened[:, 1]) ** 2).mean())
    return float(((probabilities - happened) ** 2).sum(axis=1).mean())


def _calibration_error(
    truth: NDArray[Any], probabilities: NDArray[np.float64], known: NDArray[Any]
) -> float:
    """Expected calibration error over bins of equal counts (Naeini, Cooper, Hauskrecht 2015): of
    the second of two classes, else of the most probable class (Guo et al. 2017)."""
    if len(known) == 2:
        said, happened = probabilities[:, 1], truth == known[1]
    else:
        said = probabilities.max(axis=1)
        happened = truth == known[probabilities.argmax(axis=1)]
    order = np.argsort(said, kind="stable")
    bins = [b for b in np.array_split(order, min(CALIBRATION_BINS, len(order))) if len(b)]
    return float(sum(len(b) * abs(said[b].mean() - happened[b].mean()) for b in bins) / len(order))


def _cost(is_positive: NDArray[Any], said: NDArray[Any], costs: Costs) -> float:
    missed, alarms = (is_positive & ~said).mean(), (~is_positive & said).mean()
    return float(missed * costs.false_negative + alarms * costs.false_positive)


def _finite(metrics: dict[str, float]) -> Metrics:
    return {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
