"""What a record becomes: the prediction or the dead letter, as it goes onto its topic."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from contracts.consumers import NOT_UNPACKED
from contracts.dead_letters import (
    PRODUCER_HEADER,
    DeadLetter,
    Headers,
    producer_of,
    to_headers,
)
from contracts.events import Latency, ModelRef, Outcome, Prediction, Source
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
    """An event to be scored, beside the record it came in; `occurred` is in seconds since 1970."""

    record: Record
    event: ReceivedEvent
    occurred_at: datetime
    occurred: float


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

    def predictions(
        self,
        rows: Sequence[Row],
        answers: Sequence[Outcome],
        model: ModelRef,
        timing: Timing,
    ) -> list[Output]:
        """The predictions of n events with n answers; those of a shadow go to its own topic,
        features left out."""
        shadow = model.role == "shadow"
        topic = self._to.shadow_predictions if shadow else self._to.predictions
        started, scored, member = timing.started, timing.scored, self._member
        predicted_at, inference_ms = timing.scored_at, timing.inference_ms
        sent = np.array(
            [started if row.record.sent_at is None else row.record.sent_at for row in rows]
        )
        queues, totals = _milliseconds(started - sent), _milliseconds(scored - sent)
        ages = _milliseconds(scored - np.array([row.occurred for row in rows]))
        outputs = []
        for row, answer, queue_ms, total_ms, age_ms in zip(
            rows, answers, queues, totals, ages, strict=True
        ):
            record, event = row.record, row.event
            headers, trace_id = _passed_on(record.headers) if record.headers else (None, None)
            value = _encode(
                Prediction(
                    event_id=event.event_id,
                    entity_id=event.entity_id,
                    occurred_at=row.occurred_at,
                    predicted_at=predicted_at,
                    model=model,
                    prediction=answer,
                    latency=Latency(queue_ms, inference_ms, total_ms, age_ms),
                    source=self._source(record),
                    worker=member,
                    # The bytes as received: nothing is parsed and written again.
                    features=None if shadow else event.features,  # type: ignore[arg-type]
                    trace_id=trace_id,
                )
            )
            outputs.append(Output(topic, record.partition, record.key, value, headers))
        return outputs

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


def _milliseconds(seconds: NDArray[np.float64]) -> list[float]:
    """To the microsecond."""
    milliseconds: list[float] = (np.trunc(seconds * 1e6) / 1e3).tolist()
    return milliseconds


def _passed_on(given: Headers) -> tuple[Headers | None, str | None]:
    """Headers that the prediction keeps, and the trace id among them.

    These are W3C trace context (https://www.w3.org/TR/trace-context/), who sent the event, and the
    mark of a replay.
    """
    headers = [(k, v) for k, v in given if k in _PASSED_ON and v is not None]
    if not headers:
        return None, None
    parent = dict(headers).get("traceparent", b"").split(b"-")
    trace_id = parent[1].decode("ascii", "replace") if len(parent) == 4 else None
    return headers, trace_id
