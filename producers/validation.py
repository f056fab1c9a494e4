"""What can be known to be wrong with an event before it is sent (pure).

The worker checks everything again; here the caller learns it at once and by name.
"""

import math
import re
import time
from datetime import datetime

import msgspec

from contracts.errors import UsageError
from contracts.events import MODEL_NAME_PATTERN, FeatureEvent, FeatureValue, Label
from contracts.settings import Settings

MAX_ID_BYTES = 256
MAX_LABEL_BYTES = 64 * 1024
"""A label is a class, a number or a truth value; `labels` has Kafka's own record limit."""

_MODEL_NAME = re.compile(MODEL_NAME_PATTERN)
_DAY = 86_400.0


class Validator:
    """Checks and encodes events and labels by the limits in the settings."""

    def __init__(self, settings: Settings) -> None:
        self._max_bytes = settings.max_event_bytes
        self._past = settings.max_past_days * _DAY
        self._future = settings.max_future_seconds
        self._encoder = msgspec.json.Encoder()
        self._known_models: set[str | None] = {None}

    def event(self, event: FeatureEvent) -> tuple[bytes, bytes]:
        """Key and value of an event's record.

        Raises:
            UsageError: the event would become a dead letter; the sentence says why.
        """
        _id(event.event_id, "event_id")
        key = _id(event.entity_id, "entity_id")
        self._model(event.model)
        self._moment(event.occurred_at, event.event_id)
        value = self._encode(event, event.event_id)
        self.size(value, event.event_id)
        if b"null" in value:  # NaN and infinities are encoded as null: look for them only then
            _refuse_nonfinite(event.features, event.event_id)
        return key, value

    def label(self, label: Label) -> tuple[bytes, bytes]:
        """Key and value of a label's record.

        Raises:
            UsageError: the label is malformed; the sentence says why.
        """
        key = _id(label.event_id, "event_id")
        self._model(label.model)
        self._moment(label.occurred_at, label.event_id)
        value = self._encode(label, label.event_id)
        _refuse_nonfinite(_values(label), label.event_id)
        if len(value) > MAX_LABEL_BYTES:
            raise UsageError(
                f"the label of event '{label.event_id}' has {len(value):,} bytes; "
                f"at most {MAX_LABEL_BYTES:,} are allowed"
            )
        return key, value

    def size(self, value: bytes, event_id: str) -> None:
        """Check that an encoded event is not larger than the topic takes.

        Raises:
            UsageError: it is.
        """
        if len(value) > self._max_bytes:
            raise UsageError(
                f"event '{event_id:.80}' has {len(value):,} bytes as JSON; at most "
                f"{self._max_bytes:,} are allowed (MILLRACE_MAX_EVENT_BYTES)"
            )

    def _model(self, model: str | None) -> None:
        if model in self._known_models:
            return
        if not isinstance(model, str) or not _MODEL_NAME.match(model):
            raise UsageError(
                f"'{model}' cannot be the name of a model: lower-case letters, digits and "
                "underscores, a letter first, at most 63"
            )
        self._known_models.add(model)

    def _moment(self, moment: datetime | float, event_id: str) -> None:
        if isinstance(moment, datetime):
            if moment.tzinfo is None:
                raise UsageError(
                    f"event '{event_id}': occurred_at {moment.isoformat()} has no time zone"
                )
            seconds = moment.timestamp()
        else:
            seconds = moment
        age = time.time() - seconds
        if not -self._future <= age <= self._past:
            raise UsageError(
                f"event '{event_id}': occurred_at {moment} is too far in the "
                f"{'past' if age > 0 else 'future'}; numbers are seconds since 1970, "
                "not milliseconds"
            )

    def _encode(self, message: FeatureEvent | Label, event_id: str) -> bytes:
        try:
            return self._encoder.encode(message)
        except (TypeError, OverflowError, UnicodeEncodeError) as error:
            raise UsageError(f"event '{event_id!r:.80}': {_cause(message, error)}") from error


def _id(value: str, name: str) -> bytes:
    try:
        encoded = value.encode()
    except (AttributeError, UnicodeEncodeError) as error:
        raise UsageError(f"{name} {value!r:.80} is not text that UTF-8 can hold") from error
    if not 1 <= len(encoded) <= MAX_ID_BYTES:
        raise UsageError(
            f"{name} '{value:.40}' has {len(encoded):,} bytes as UTF-8; "
            f"it must have 1 to {MAX_ID_BYTES}"
        )
    return encoded


def _refuse_nonfinite(values: dict[str, FeatureValue], event_id: str) -> None:
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(
                f"event '{event_id}': '{name}' is {value}; JSON has no such number, send null "
                "where a value is unknown"
            )


def _values(label: Label) -> dict[str, FeatureValue]:
    """What happened, by target if there are several."""
    return label.label if isinstance(label.label, dict) else {"label": label.label}


def _cause(message: FeatureEvent | Label, error: Exception) -> str:
    values = message.features if isinstance(message, FeatureEvent) else _values(message)
    for name, value in values.items():
        if type(value) not in (float, int, str, bool, type(None)):
            return (
                f"'{name}' is a {type(value).__module__}.{type(value).__qualname__}; give a "
                "plain float, int, str, bool or None (numpy values have .item())"
            )
    return str(error)
