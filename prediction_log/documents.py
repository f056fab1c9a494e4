"""The `_source` of each kind of document, and how a message becomes one."""

from datetime import datetime
from functools import lru_cache

import msgspec
from msgspec import Raw, Struct

from contracts.alerts import Alert, AlertState, Signal
from contracts.events import (
    Classification,
    Explanation,
    FeatureValue,
    Label,
    Latency,
    ModelRef,
    MultiOutput,
    Outcome,
    Prediction,
    Regression,
    Source,
    to_datetime,
)
from contracts.model_events import Check, ModelEvent, ModelEventKind
from contracts.release_rules import AlertKind
from contracts.windows import Window
from prediction_log.features import Features, read_features, usable_name

TIMESTAMP = {"timestamp": "@timestamp"}
"""How msgspec renames a field that cannot be a name in Python."""

_NONE = Raw()
_decode_model = msgspec.json.Decoder(ModelRef).decode
_MODEL_BYTES = 512
"""Longer ones are not kept."""


class Identity(Struct, frozen=True, gc=False):
    """The `{"id": …}` of an event, an entity, a trace or a worker."""

    id: str


class SeveralOutputs(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="task", tag="multi_output"
):
    """The prediction of several targets: as received, and by target what can be aggregated."""

    outputs: dict[str, Classification | Regression]
    labels: dict[str, str] = {}
    values: dict[str, float] = {}


class PredictionDocument(
    Struct, frozen=True, kw_only=True, omit_defaults=True, rename=TIMESTAMP, gc=False
):
    """A prediction; `timestamp` is when the event occurred. Shadows carry no features."""

    timestamp: datetime
    event: Identity
    entity: Identity
    model: Raw
    prediction: Outcome | SeveralOutputs
    latency: Latency
    kafka: Source
    worker: Identity
    predicted_at: datetime
    features: Features | None = None
    trace: Identity | None = None
    explanation: Explanation | None = None


class ModelName(Struct, frozen=True, omit_defaults=True):
    """The model of a label or a dead letter; `version` is the one that could not score it."""

    name: str
    version: str | None = None


class LabelValue(Struct, frozen=True, omit_defaults=True):
    """What happened: `value` as predictions write classes, `number` where it is one; for several
    targets `values` and `numbers` by target."""

    value: str | None = None
    number: float | None = None
    values: dict[str, str] = {}
    numbers: dict[str, float] = {}


class LabelDocument(Struct, frozen=True, kw_only=True, rename=TIMESTAMP):
    """A label; a corrected one is another document, of a greater offset of the same partition."""

    timestamp: datetime
    event: Identity
    model: ModelName
    label: LabelValue
    kafka: Source


class EventModel(Struct, frozen=True, omit_defaults=True):
    """The version a model event speaks of, as far as it is known."""

    name: str
    version: str | None = None
    role: str | None = None
    digest: str | None = None


class ModelEventDetail(Struct, frozen=True, omit_defaults=True):
    """One step of a version on its way into traffic."""

    kind: ModelEventKind
    sequence: int | None = None
    previous_version: str | None = None
    load_ms: float | None = None
    reason: str | None = None
    author: str | None = None
    control_offset: int | None = None
    checks: tuple[Check, ...] = ()
    question: str | None = None
    versions: dict[str, str] | None = None
    paused: bool | None = None
    alert: str | None = None
    retraining: str | None = None


class ModelEventDocument(Struct, frozen=True, kw_only=True, omit_defaults=True, rename=TIMESTAMP):
    """A model event; `kafka` is the place of the event's own record, `window` what a retraining
    trains on."""

    timestamp: datetime
    model: EventModel
    model_event: ModelEventDetail
    worker: Identity
    kafka: Source
    window: Window | None = None


class AlertDetail(Struct, frozen=True, omit_defaults=True):
    """What an alert says; the same `id` when it is raised and when it is resolved."""

    id: str
    state: AlertState
    kind: AlertKind
    reason: str
    signals: tuple[Signal, ...] = ()


class AlertDocument(Struct, frozen=True, kw_only=True, rename=TIMESTAMP):
    """The beginning or the end of an alert; `timestamp` is when that was said, `window` the newest
    that was looked at."""

    timestamp: datetime
    model: EventModel
    window: Window
    alert: AlertDetail
    kafka: Source


class ReceivedPrediction(Prediction, frozen=True, kw_only=True, gc=False):
    """A `Prediction` with its model and its features still as JSON bytes; empty: it has none."""

    model: Raw  # type: ignore[assignment]
    features: Raw = _NONE  # type: ignore[assignment]


class ReceivedModel(Struct, frozen=True, gc=False):
    """Which version answered, and that as JSON."""

    ref: ModelRef
    json: Raw


def received_model(given: Raw) -> ReceivedModel:
    """Read the model of a message; there are few, so each is read once.

    Raises:
        msgspec.ValidationError: it is none.
    """
    read = _read_model if len(given) <= _MODEL_BYTES else _read_model.__wrapped__
    return read(bytes(given))


@lru_cache(maxsize=1000)
def _read_model(given: bytes) -> ReceivedModel:
    ref = _decode_model(given)
    return ReceivedModel(ref, Raw(msgspec.json.encode(ref)))


def from_prediction(prediction: ReceivedPrediction, model: ReceivedModel) -> PredictionDocument:
    """Build the document of a prediction that its model has been read of.

    Raises:
        msgspec.ValidationError: its features are no flat object.
    """
    received, answer = prediction.features, prediction.prediction
    trace, explanation = prediction.trace_id, prediction.explanation
    return PredictionDocument(
        timestamp=prediction.occurred_at,
        event=Identity(prediction.event_id),
        entity=Identity(prediction.entity_id),
        model=model.json,
        prediction=_by_target(answer) if isinstance(answer, MultiOutput) else answer,
        latency=prediction.latency,
        kafka=prediction.source,
        worker=Identity(prediction.worker),
        predicted_at=prediction.predicted_at,
        features=None if received is _NONE else read_features(received),
        trace=None if trace is None else Identity(trace),
        explanation=None if explanation is None else _of_usable_names(explanation),
    )


def _of_usable_names(explanation: Explanation) -> Explanation:
    values = {name: value for name, value in explanation.values.items() if usable_name(name)}
    return Explanation(explanation.base, values)


def from_label(label: Label, source: Source) -> LabelDocument:
    """Build the document of a label.

    Raises:
        ValueError, OverflowError: its time is none that a datetime can hold.
    """
    return LabelDocument(
        timestamp=to_datetime(label.occurred_at),
        event=Identity(label.event_id),
        model=ModelName(label.model),
        label=_label_value(label.label),
        kafka=source,
    )


def from_model_event(event: ModelEvent, source: Source) -> ModelEventDocument:
    """Build the document of a model event."""
    return ModelEventDocument(
        timestamp=event.at,
        model=EventModel(event.model, event.version, event.role, event.digest),
        model_event=ModelEventDetail(
            kind=event.event,
            sequence=event.sequence,
            previous_version=event.previous_version,
            load_ms=event.load_ms,
            reason=event.reason,
            author=event.author,
            control_offset=event.control_offset,
            checks=event.checks,
            question=event.question,
            versions=event.versions,
            paused=event.paused,
            alert=event.alert,
            retraining=event.retraining,
        ),
        worker=Identity(event.member),
        kafka=source,
        window=event.window,
    )


def from_alert(alert: Alert, source: Source) -> AlertDocument:
    """Build the document of an alert."""
    return AlertDocument(
        timestamp=alert.at,
        model=EventModel(alert.model, alert.version),
        window=alert.window,
        alert=AlertDetail(alert.alert_id, alert.state, alert.kind, alert.reason, alert.signals),
        kafka=source,
    )


def _by_target(answer: MultiOutput) -> SeveralOutputs:
    parts = answer.outputs.items()
    return SeveralOutputs(
        outputs=answer.outputs,
        labels={name: part.label for name, part in parts if isinstance(part, Classification)},
        values={name: part.value for name, part in parts if isinstance(part, Regression)},
    )


def _label_value(label: FeatureValue | dict[str, FeatureValue]) -> LabelValue:
    """Write a label as predictions write classes, so that the two can be compared."""
    if not isinstance(label, dict):
        return _one_label_value(label)
    parts = {name: _one_label_value(value) for name, value in label.items() if usable_name(name)}
    return LabelValue(
        values={name: part.value for name, part in parts.items() if part.value is not None},
        numbers={name: part.number for name, part in parts.items() if part.number is not None},
    )


def _one_label_value(label: FeatureValue) -> LabelValue:
    if label is None:
        return LabelValue()
    if isinstance(label, bool):
        return LabelValue("true" if label else "false")
    if isinstance(label, str):
        return LabelValue(label)
    number = float(label)
    return LabelValue(str(int(number)) if number.is_integer() else str(number), number)
