"""From the bytes of a record to a feature event, or to the reason why it is none.

Features stay the bytes that were received: they are parsed once for scoring and passed on to the
prediction as they are.
"""

from collections.abc import Container
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from contracts.dead_letters import Reason
from contracts.events import (
    SCHEMA_VERSION_HEADER,
    FeatureValue,
    Id,
    ModelName,
    Moment,
)
from contracts.not_unpacked import NOT_UNPACKED_DETAIL, NotUnpacked
from stream_workers.records import MOST_OVERHEAD_BYTES, Record


class ReceivedEvent(Struct, frozen=True, gc=False):
    """A `FeatureEvent` with its features still as JSON bytes."""

    event_id: str
    entity_id: str
    occurred_at: Moment
    features: msgspec.Raw
    model: str | None = None


class _CheckedEvent(ReceivedEvent, frozen=True, gc=False):
    """The same with every rule of the contract; checking them takes as long as all the rest."""

    event_id: Id
    entity_id: Id
    model: ModelName | None = None


class Refusal(Struct, frozen=True):
    """Why a record becomes a dead letter; `detail` tells its producer what to change."""

    reason: Reason
    detail: str
    event_id: str | None = None
    model: str | None = None
    version: str | None = None


class Limits(Struct, frozen=True):
    """What an event must keep to: its size, and how far from now, in seconds, it may have
    occurred."""

    event_bytes: int
    past: float
    future: float


_decode_event = msgspec.json.Decoder(ReceivedEvent).decode
_decode_checked_event = msgspec.json.Decoder(_CheckedEvent).decode
_decode_features = msgspec.json.Decoder(dict[str, FeatureValue]).decode
_SURELY_SHORT = 64
"""Characters that UTF-8 cannot make more than the 256 bytes of an id."""


def decode_event(
    record: Record, limits: Limits, known_models: Container[str] = ()
) -> ReceivedEvent | Refusal:
    """Parse a record's value against the contract of the `features` topic.

    Args:
        known_models: names that need not be checked any more.
    """
    value, key = record.value, record.key
    suspicious = (
        record.headers != []
        or not value
        or len(value) > limits.event_bytes
        or (key is not None and len(key) > MOST_OVERHEAD_BYTES)
    )
    if suspicious and (refusal := _refuse_record(record, limits)):
        return refusal
    try:
        event = _decode_event(value or b"")
        if (
            0 < len(event.event_id) <= _SURELY_SHORT
            and 0 < len(event.entity_id) <= _SURELY_SHORT
            and (event.model in known_models or event.model is None)
        ):
            return event
        event = _decode_checked_event(value or b"")
    except msgspec.ValidationError as error:
        return Refusal("invalid", str(error))
    except RecursionError:
        return Refusal("malformed", "the JSON is nested too deeply")
    except ValueError as error:  # malformed JSON, or bytes that are not UTF-8
        return Refusal("malformed", str(error))
    for name, text in (("event_id", event.event_id), ("entity_id", event.entity_id)):
        # msgspec counts characters; the contract counts bytes.
        if not text.isascii() and len(text.encode()) > 256:
            return Refusal("invalid", f"{name} is longer than 256 bytes")
    return event


def _refuse_record(record: Record, limits: Limits) -> Refusal | None:
    """What speaks against a record before its value is parsed."""
    value = record.value
    if not value:
        if isinstance(value, NotUnpacked):
            return Refusal("too_large", NOT_UNPACKED_DETAIL)
        return Refusal("empty", "the record has no value; send a JSON object")
    if len(value) > limits.event_bytes:
        detail = f"the value has {len(value)} bytes; at most {limits.event_bytes} are allowed"
        return Refusal("too_large", detail)
    if record.overhead_bytes > MOST_OVERHEAD_BYTES:
        detail = f"key and headers have {record.overhead_bytes} bytes; at most "
        return Refusal("too_large", f"{detail}{MOST_OVERHEAD_BYTES} are allowed")
    if record.headers is None:
        return Refusal("malformed", "the name of a header is not UTF-8")
    version = dict(record.headers).get(SCHEMA_VERSION_HEADER, b"1")
    if version != b"1":
        return Refusal(
            "invalid", f"schema-version {version!r:.20} is not known; this worker reads 1"
        )
    return None


def decode_features(event: ReceivedEvent) -> dict[str, FeatureValue] | Refusal:
    """Parse the features of an event: a flat object of numbers, strings, booleans and nulls."""
    try:
        return _decode_features(event.features)
    except RecursionError:
        detail = "the features are nested too deeply"
    except ValueError as error:
        detail = f"features: {error}"
    return Refusal("invalid_features", detail, event.event_id, event.model)


def refuse_time(event: ReceivedEvent, now: float, limits: Limits) -> Refusal:
    """What is wrong with the time of an event that is not within the limits.

    Args:
        now: seconds since 1970.
    """
    moment = event.occurred_at
    seconds = moment.timestamp() if isinstance(moment, datetime) else moment
    hint = ""
    if now - limits.past <= seconds / 1000 <= now + limits.future:
        hint = "; it looks like milliseconds, send seconds"
    given = moment.isoformat() if isinstance(moment, datetime) else f"{moment:.17g}"
    return Refusal(
        "time_out_of_range",
        f"occurred_at {given} is too far from now "
        f"({datetime.fromtimestamp(now, UTC):%Y-%m-%dT%H:%M:%SZ}){hint}",
        event.event_id,
        event.model,
    )
