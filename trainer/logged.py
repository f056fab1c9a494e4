"""Predictions and labels as the log has them, beside what a model of a kind can have said."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from contracts.evaluation import classes_of, outcome_metrics
from contracts.events import Anomaly, Classification, Clustering, Outcome, Regression
from contracts.packages import Manifest, Metrics

_TARGET = "label"
_COMPARABLE: dict[str, type[Outcome]] = {
    "classification": Classification,
    "regression": Regression,
}


def logged_outcome(prediction: Mapping[str, Any]) -> Outcome | None:
    """What `_source.prediction` of a document says, if it is one answer: strangers may have
    written it."""
    try:
        outcome: Outcome = msgspec.convert(
            prediction, Classification | Regression | Clustering | Anomaly
        )
    except msgspec.ValidationError:
        return None
    return outcome


def logged_truth(label: Mapping[str, Any] | None, manifest: Manifest) -> Any:
    """What `_source.label` of a document says to a model; None: nothing."""
    if label is None:
        return None
    return label.get("number" if manifest.task == "regression" else "value")


def labelled_metrics(
    answers: Iterable[tuple[Outcome | None, Mapping[str, Any] | None]], manifest: Manifest
) -> Metrics:
    """Figures of answers that have a label and are of the model's task; none without such."""
    kind = _COMPARABLE.get(manifest.task)
    fit = [
        (outcome, truth)
        for outcome, label in answers
        if kind is not None
        and isinstance(outcome, kind)
        and (truth := logged_truth(label, manifest)) is not None
    ]
    if not fit:
        return {}
    truth = {_TARGET: [truth for _, truth in fit]}
    classes = classes_of(manifest, [_TARGET])
    return outcome_metrics([outcome for outcome, _ in fit], truth, classes, manifest.costs)
