"""Score a batch of records: one predict call per model version, neighbours unharmed.

Pure: records and models in, outputs out. Kafka stays outside.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import structlog

from contracts.dead_letters import Reason
from contracts.events import ModelRef, to_datetime
from stream_workers.answering import Answers, Refused, answer
from stream_workers.decoding import (
    Limits,
    ReceivedEvent,
    Refusal,
    decode_event,
    refuse_time,
)
from stream_workers.explaining import Explaining
from stream_workers.outputs import Output, OutputWriter, Row, Timing
from stream_workers.records import Record
from stream_workers.serving import LoadedVersion, ServedModel, Serving

log = structlog.get_logger("stream_workers.scoring")


class Observer(Protocol):
    """Told of every batch: metrics and traces are made of that."""

    def taken(self, records: int) -> None:
        """A batch was read."""

    def scored(self, model: ModelRef, rows: Sequence[Row], timing: Timing) -> None:
        """These rows were scored by one predict call."""

    def refused(self, reason: Reason) -> None:
        """A record became a dead letter."""


class BatchScorer:
    """Turns batches of records into predictions and dead letters.

    Args:
        default_models: topic -> model of events that name none.
        clock: seconds since 1970.
        observers: told once per batch; a row whose batch had to be halved is told of again.
        explaining: puts explanations into some serving predictions; None: into none.
    """

    def __init__(
        self,
        writer: OutputWriter,
        limits: Limits,
        default_models: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        observers: Sequence[Observer] = (),
        explaining: Explaining | None = None,
    ) -> None:
        self._writer = writer
        self._limits = limits
        self._default_models = default_models
        self._clock = clock
        self._observers = observers
        self._explaining = explaining

    def score(self, records: Sequence[Record], serving: Serving) -> list[Output]:
        """Give every record's one serving prediction or dead letter, and shadow predictions; of a
        model that is paused the record itself, to wait.

        Whatever goes wrong is put down to single records by halving: one that this code cannot
        handle must not stop its partition for ever.
        """
        for observer in self._observers:
            observer.taken(len(records))
        return self._outcomes(records, serving)

    def _outcomes(self, records: Sequence[Record], serving: Serving) -> list[Output]:
        try:
            return self._score(records, serving)
        except Exception as error:
            if len(records) == 1:
                log.exception("a record could not be processed", offset=records[0].offset)
                refusal = Refusal("prediction_failed", f"the worker failed on it: {error!r}")
                return [self._letter(records[0], refusal, self._clock())]
            middle = len(records) // 2
            halves = (records[:middle], records[middle:])
            return [output for half in halves for output in self._outcomes(half, serving)]

    def _score(self, records: Sequence[Record], serving: Serving) -> list[Output]:
        started = self._clock()
        by_model, refused = self._read(records, started, serving)
        outputs = [self._letter(record, refusal, started) for record, refusal in refused]
        for model, rows in by_model.items():
            if model in serving.paused:
                outputs += [self._writer.waiting(row.record, model) for row in rows]
                continue
            served = serving.models[model]
            for version, share in _route(served, rows):
                answers, timing = self._answer(version, share, started)
                outputs += [self._refuse(refused, version) for refused in answers.refused]
                written = self._writer.predictions(
                    answers.rows, answers.outcomes, version.ref, timing
                )
                if self._explaining is not None:
                    written = self._explaining.explained(version, answers, written)
                outputs += written
            for shadow in served.shadows:
                # A shadow never harms: what it cannot score is left out.
                answers, timing = self._answer(shadow, rows, started)
                outputs += self._writer.predictions(
                    answers.rows, answers.outcomes, shadow.ref, timing
                )
        return outputs

    def _read(
        self, records: Sequence[Record], now: float, serving: Serving
    ) -> tuple[dict[str, list[Row]], list[tuple[Record, Refusal]]]:
        """The rows of each model, and the records that are none."""
        limits, models = self._limits, {**serving.models, **serving.paused}
        earliest, latest = now - limits.past, now + limits.future
        rows: dict[str, list[Row]] = {name: [] for name in models}
        refused: list[tuple[Record, Refusal]] = []
        for record in records:
            event = decode_event(record, limits, models)
            if isinstance(event, Refusal):
                refused.append((record, event))
                continue
            model = event.model or self._default_models.get(record.topic)
            moment = event.occurred_at
            occurred = moment if isinstance(moment, float) else moment.timestamp()
            if model is None or model not in rows:
                refused.append((record, _no_model(event, model, serving)))
            elif earliest <= occurred <= latest:
                rows[model].append(Row(record, event, to_datetime(moment), occurred))
            else:
                refused.append((record, refuse_time(event, now, limits)))
        return {name: found for name, found in rows.items() if found}, refused

    def _answer(
        self, version: LoadedVersion, rows: Sequence[Row], started: float
    ) -> tuple[Answers, Timing]:
        answers = answer(version.scorer, rows)
        sent = (row.record.sent_at for row in answers.rows)
        sent_at = np.array([started if moment is None else moment for moment in sent])
        timing = Timing(started, self._clock(), sent_at, round(answers.seconds * 1000, 3))
        if answers.rows:
            for observer in self._observers:
                observer.scored(version.ref, answers.rows, timing)
        return answers, timing

    def _refuse(self, refused: Refused, version: LoadedVersion) -> Output:
        event = refused.row.event
        refusal = Refusal(
            refused.reason, refused.detail, event.event_id, version.ref.name, version.ref.version
        )
        return self._letter(refused.row.record, refusal, self._clock())

    def _letter(self, record: Record, refusal: Refusal, now: float) -> Output:
        for observer in self._observers:
            observer.refused(refusal.reason)
        return self._writer.dead_letter(record, refusal, now)


def _route(served: ServedModel, rows: list[Row]) -> list[tuple[LoadedVersion, list[Row]]]:
    if served.canary is None:
        return [(served.champion, rows)]
    shares: dict[str, list[Row]] = {}
    versions: dict[str, LoadedVersion] = {}
    for row in rows:
        version = served.version_for(row.event.entity_id)
        versions[version.digest] = version
        shares.setdefault(version.digest, []).append(row)
    return [(versions[digest], share) for digest, share in shares.items()]


def _no_model(event: ReceivedEvent, model: str | None, serving: Serving) -> Refusal:
    if model is None:
        return Refusal(
            "invalid", "the event names no model, and its topic has no default", event.event_id
        )
    if model in serving.unavailable:
        detail = f"model '{model}' cannot be loaded: {serving.unavailable[model]}"
        return Refusal("model_unavailable", detail, event.event_id, model)
    known = ", ".join(sorted({*serving.models, *serving.paused})) or "none"
    return Refusal(
        "unknown_model",
        f"no model '{model}' is deployed; deployed are: {known}",
        event.event_id,
        model,
    )
