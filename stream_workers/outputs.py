"""What a record becomes: the prediction or the dead letter, as it goes onto its topic."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from contracts.consumers import NOT_UNPACKED
from contracts.dead_letters import (
    PRODUCER_HEADER,
    DeadLetter,
    Headers,
    producer_of,
    to_headers,
)
from contracts.events import FeatureValue, Latency, ModelRef, Outcome, Prediction, Source
from contracts.replays import REPLAY_HEADERS, replay_mark
from stream_workers.decoding import ReceivedEvent, Refusal
from stream_workers.records import MOST_OVERHEAD_BYTES, Record

_encode = msgspec.json.Encoder().encode
_PASSED_ON = REPLAY_HEADERS | {"traceparent", "tracestate", PRODUCER_HEADER}
_DETAIL_CHARACTERS = 1000


class Output(Struct, frozen=True, gc=False):
    """A record to produce, to the same partition as the one it came from."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes
    headers: Headers | None = None


class Destinations(Struct, frozen=True):
    """Names of the output topics."""

    predictions: str
    shadow_predictions: str
    dead_letters: str


class Row(Struct, frozen=True, gc=False):
    """An event that can be scored, beside the record it came in."""

    record: Record
    event: ReceivedEvent
    occurred_at: datetime
    features: dict[str, FeatureValue]


class Timing(Struct, frozen=True, gc=False):
    """When a batch was begun and scored, seconds since 1970, and its predict call's duration;
    `scored_at` is `scored` as it is written, made once a batch."""

    started: float
    scored: float
    scored_at: datetime
    inference_ms: float


class OutputWriter:
    """Writes predictions and dead letters.

    Args:
        member: the worker's id, written into what it produces.
        letter_bytes: most bytes of a record that its dead letter keeps.
    """

    def __init__(self, member: str, to: Destinations, letter_bytes: int) -> None:
        self._member = member
        self._to = to
        self._letter_bytes = letter_bytes
        self.topic_ids: Mapping[str, str] = {}

    def prediction(self, row: Row, model: ModelRef, outcome: Outcome, timing: Timing) -> Output:
        """The prediction of an event; that of a shadow goes to its own topic, features left out."""
        record, event = row.record, row.event
        shadow = model.role == "shadow"
        sent = timing.started if record.sent_at is None else record.sent_at
        headers, trace_id = _passed_on(record)
        value = _encode(
            Prediction(
                event_id=event.event_id,
                entity_id=event.entity_id,
                occurred_at=row.occurred_at,
                predicted_at=timing.scored_at,
                model=model,
                prediction=outcome,
                latency=Latency(
                    _milliseconds(timing.started - sent),
                    timing.inference_ms,
                    _milliseconds(timing.scored - sent),
                    _milliseconds(timing.scored - row.occurred_at.timestamp()),
                ),
                source=self._source(record),
                worker=self._member,
                # The bytes as received: nothing is parsed and written again.
                features=None if shadow else event.features,  # type: ignore[arg-type]
                trace_id=trace_id,
            )
        )
        topic = self._to.shadow_predictions if shadow else self._to.predictions
        return Output(topic, record.partition, record.key, value, headers)

    def dead_letter(self, record: Record, refusal: Refusal, now: float) -> Output:
        """The record as it was, with the reason in headers; cut if no topic could take it."""
        value = record.value or b""
        oversized = record.overhead_bytes > MOST_OVERHEAD_BYTES
        cut = record.value is NOT_UNPACKED or len(value) > self._letter_bytes
        letter = DeadLetter(
            stage="worker",
            reason=refusal.reason,
            detail=refusal.detail[:_DETAIL_CHARACTERS],
            source=self._source(record),
            sent_at=datetime.fromtimestamp(now if record.sent_at is None else record.sent_at, UTC),
            failed_at=datetime.fromtimestamp(now, UTC),
            member=self._member,
            model=refusal.model,
            event_id=refusal.event_id,
            producer=producer_of(record.headers),
            replay=replay_mark(record.headers),
            truncated=oversized or cut,
        )
        return Output(
            self._to.dead_letters,
            record.partition,
            None if oversized else record.key,
            value[: self._letter_bytes],
            to_headers(letter, None if oversized else record.headers),
        )

    def _source(self, record: Record) -> Source:
        topic = record.topic
        return Source(topic, self.topic_ids.get(topic, ""), record.partition, record.offset)


def _milliseconds(seconds: float) -> float:
    """To the microsecond; `round` takes twice as long, three times an event."""
    return int(seconds * 1e6) / 1e3


def _passed_on(record: Record) -> tuple[Headers | None, str | None]:
    """Headers that the prediction keeps, and the trace id among them.

    These are W3C trace context (https://www.w3.org/TR/trace-context/), who sent the event, and the
    mark of a replay.
    """
    headers = [(k, v) for k, v in record.headers or () if k in _PASSED_ON and v is not None]
    if not headers:
        return None, None
    parent = dict(headers).get("traceparent", b"").split(b"-")
    trace_id = parent[1].decode("ascii", "replace") if len(parent) == 4 else None
    return headers, trace_id
