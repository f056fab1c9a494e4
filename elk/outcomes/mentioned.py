"""Which events records of predictions and labels speak of (pure): nothing else of them is read."""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from contracts.events import ModelName

Mentioned = dict[str, list[str]]
"""Model -> its event ids, each once, in the order of the records."""


class _OfModel(Struct, gc=False):
    name: ModelName


class _Prediction(Struct, gc=False):
    event_id: str
    model: _OfModel


class _Label(Struct, gc=False):
    event_id: str
    model: ModelName


_predictions = msgspec.json.Decoder(_Prediction)
_labels = msgspec.json.Decoder(_Label)


def mentioned_events(records: Iterable[Any], labels_topic: str) -> Mentioned:
    """The events of some records; one that cannot be read is a dead letter already."""
    found: dict[str, dict[str, None]] = {}
    for record in records:
        try:
            if record.topic == labels_topic:
                label = _labels.decode(record.value or b"")
                found.setdefault(label.model, {})[label.event_id] = None
            else:
                prediction = _predictions.decode(record.value or b"")
                found.setdefault(prediction.model.name, {})[prediction.event_id] = None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
    return {model: list(events) for model, events in found.items()}


def portions(mentioned: Mapping[str, list[str]], most: int) -> Iterable[tuple[str, list[str]]]:
    """Cut into at most so many events of one model."""
    for model, events in mentioned.items():
        for begin in range(0, len(events), most):
            yield model, events[begin : begin + most]
