"""What a record becomes: the prediction or the dead letter, as it goes onto its topic."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from contracts.dead_letters import (
    PRODUCER_HEADER,
    DeadLetter,
    Headers,
    producer_of,
    to_headers,
)
from contracts.events import Latency, ModelRef, Outcome, Prediction, Source
from contracts.not_unpacked import NotUnpacked
from contracts.replays import REPLAY_HEADERS, replay_mark
from contracts.waiting import marked
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
    waiting: str


class Row(Struct, frozen=True, gc=False):
    """An event to be scored, beside the record it came in; `occurred` is in seconds since 1970."""

    record: Record
    event: ReceivedEvent
    occurred_at: datetime
    occurred: float


class Timing(Struct, frozen=True, gc=False):
    """When a batch was begun and scored, when each of its n records was sent (begun, where no
    calendar has that time), in seconds since 1970, and the duration of its predict call."""

    started: float
    scored: float
    sent: NDArray[np.float64]
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
        member, topic_id, inference_ms = self._member, self.topic_ids.get, timing.inference_ms
        predicted_at = datetime.fromtimestamp(timing.scored, UTC)
        queues = _milliseconds(timing.started - timing.sent)
        totals = _milliseconds(timing.scored - timing.sent)
        ages = _milliseconds(timing.scored - np.array([row.occurred for row in rows]))
        outputs = []
        for row, answer, queue_ms, total_ms, age_ms in zip(
            rows, answers, queues, totals, ages, strict=True
        ):
            record, event = row.record, row.event
            source, partition = record.topic, record.partition
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
                    source=Source(source, topic_id(source, ""), partition, record.offset),
                    worker=member,
                    # The bytes as received: nothing is parsed and written again.
                    features=None if shadow else event.features,  # type: ignore[arg-type]
                    trace_id=trace_id,
                )
            )
            outputs.append(Output(topic, partition, record.key, value, headers))
        return outputs

    def waiting(self, record: Record, model: str) -> Output:
        """The record as it was, to wait until its model is resumed."""
        headers = [(k, v) for k, v in record.headers or () if v is not None]
        return Output(
            self._to.waiting,
            record.partition,
            record.key,
            record.value or b"",
            marked(headers, model, record.topic),
        )

    def dead_letter(self, record: Record, refusal: Refusal, now: float) -> Output:
        """The record as it was, with the reason in headers; cut if no topic could take it."""
        value = record.value or b""
        oversized = record.overhead_bytes > MOST_OVERHEAD_BYTES
        cut = isinstance(record.value, NotUnpacked) or len(value) > self._letter_bytes
        letter = DeadLetter(
            stage="worker",
            reason=refusal.reason,
            detail=refusal.detail[:_DETAIL_CHARACTERS],
            source=Source(
                record.topic,
                self.topic_ids.get(record.topic, ""),
                record.partition,
                record.offset,
            ),
            sent_at=datetime.fromtimestamp(now if record.sent_at is None else record.sent_at, UTC),
            failed_at=datetime.fromtimestamp(now, UTC),
            member=self._member,
            model=refusal.model,
            version=refusal.version,
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
