"""The `_source` of an outcome: a prediction beside what really happened, and how far off it was."""

import math
from datetime import datetime

from msgspec import Struct

from contracts.events import Anomaly, Classification, Clustering, Regression, Source
from prediction_log.documents import TIMESTAMP, EventModel, Identity, LabelValue, SeveralOutputs

Answer = Classification | Regression | Clustering | Anomaly | SeveralOutputs
"""`_source.prediction` as documents have it."""

_LEAST_PROBABILITY = 2.0**-52
"""So that a surprise costs much and not infinitely much; as `contracts.evaluation` does."""


class LoggedFeatures(Struct, frozen=True):
    """`_source.features`."""

    num: dict[str, float] = {}
    cat: dict[str, str] = {}


class LoggedPrediction(Struct, frozen=True, kw_only=True, rename=TIMESTAMP):
    """What an outcome takes from `_source` of a prediction."""

    timestamp: datetime
    event: Identity
    entity: Identity
    model: EventModel
    prediction: Answer
    predicted_at: datetime
    kafka: Source
    features: LoggedFeatures | None = None


class LoggedLabel(Struct, frozen=True, kw_only=True, rename=TIMESTAMP):
    """What an outcome takes from `_source` of a label."""

    timestamp: datetime
    event: Identity
    label: LabelValue
    kafka: Source

    @property
    def says_nothing(self) -> bool:
        """A null takes back what was said before."""
        return self.label == LabelValue()


class OutcomeFigures(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far off one prediction was; figures that its task does not have are absent.

    Args:
        correct: the class, or those of all targets, or whether it is an anomaly.
        error: prediction - truth, in the unit of the target.
        log_loss: of the true class, natural logarithm.
        probability: of two classes that of the second, else that of the true class.
    """

    correct: bool | None = None
    error: float | None = None
    absolute_error: float | None = None
    squared_error: float | None = None
    log_loss: float | None = None
    probability: float | None = None


class OutcomeDocument(Struct, frozen=True, kw_only=True, omit_defaults=True, rename=TIMESTAMP):
    """A prediction that has a label. Its id is that of the prediction's document.

    `timestamp`, `kafka` and all else are those of the prediction; `labelled_at` is the time that
    the label speaks of, and `label_kafka` its place. Shadows carry no features.
    """

    timestamp: datetime
    event: Identity
    entity: Identity
    model: EventModel
    prediction: Answer
    predicted_at: datetime
    kafka: Source
    features: LoggedFeatures | None = None
    label: LabelValue
    labelled_at: datetime
    label_kafka: Source
    outcome: OutcomeFigures


def outcome_document(prediction: LoggedPrediction, label: LoggedLabel) -> OutcomeDocument:
    """Put a prediction beside its label."""
    return OutcomeDocument(
        timestamp=prediction.timestamp,
        event=prediction.event,
        entity=prediction.entity,
        model=prediction.model,
        prediction=prediction.prediction,
        predicted_at=prediction.predicted_at,
        kafka=prediction.kafka,
        features=prediction.features,
        label=label.label,
        labelled_at=label.timestamp,
        label_kafka=label.kafka,
        outcome=outcome_figures(prediction.prediction, label.label),
    )


def outcome_figures(answer: Answer, label: LabelValue) -> OutcomeFigures:
    """How far off an answer was; nothing where the label is of another kind than the answer."""
    if isinstance(answer, Classification) and label.value is not None:
        return _of_class(answer, label.value)
    if isinstance(answer, Regression) and label.number is not None:
        return _of_number(answer.value - label.number)
    if isinstance(answer, Anomaly) and label.value in ("true", "false"):
        return OutcomeFigures(correct=answer.is_anomaly == (label.value == "true"))
    if isinstance(answer, SeveralOutputs) and answer.labels.keys() & label.values.keys():
        labelled = answer.labels.keys() & label.values.keys()
        return OutcomeFigures(correct=all(answer.labels[t] == label.values[t] for t in labelled))
    return OutcomeFigures()


def _of_class(answer: Classification, truth: str) -> OutcomeFigures:
    correct, shares = answer.label == truth, answer.probabilities
    if not shares:
        return OutcomeFigures(correct=correct)
    of_truth = shares.get(truth, 0.0)
    return OutcomeFigures(
        correct=correct,
        log_loss=-math.log(min(max(of_truth, _LEAST_PROBABILITY), 1.0)),
        probability=list(shares.values())[1] if len(shares) == 2 else of_truth,
    )


def _of_number(error: float) -> OutcomeFigures:
    squared = error * error
    return OutcomeFigures(
        error=error if math.isfinite(error) else None,
        absolute_error=abs(error) if math.isfinite(error) else None,
        squared_error=squared if math.isfinite(squared) else None,
    )
