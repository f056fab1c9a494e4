"""Explanations for a share of the predictions of a batch, which they never harm."""

import hashlib
import time
from collections.abc import Sequence
from typing import Protocol

import msgspec
import structlog
from msgspec.structs import replace

from contracts.events import Explanation, ModelRef
from stream_workers.answering import Answers
from stream_workers.decoding import Refusal, decode_features
from stream_workers.outputs import Output
from stream_workers.serving import LoadedVersion
from stream_workers.shapley import explain, model_rows

log = structlog.get_logger("stream_workers.explaining")
MOST_MODEL_ROWS = 100_000
"""Of one batch and version, a second or so: predictions wait for the explanations beside them."""
MOST_BYTES = 512 * 1024
"""Of one explanation; the topic has room for that beside the largest event."""
_RANGE = float(2**64)


class Told(Protocol):
    """Who counts explanations."""

    def explained(self, model: ModelRef, events: int, left_out: int, seconds: float) -> None:
        """Of a batch these were explained, and those were to be and are not."""


class Explaining:
    """Puts explanations into the predictions of a sampled share of the events.

    Which events these are, their ids alone decide: an event that is delivered again is in the
    sample again, on every worker.

    Args:
        share: of the events, in [0, 1].
    """

    def __init__(self, share: float, told: Told) -> None:
        self._share, self._told = share, told
        self._why_not: dict[str, str] = {}
        """Digest -> what was logged last: a warning per batch would drown the log."""

    def explained(
        self, version: LoadedVersion, answers: Answers, outputs: list[Output]
    ) -> list[Output]:
        """The outputs, those of sampled events with their explanations, in the same list.

        Args:
            outputs: one for each answer, in the same order.
        """
        chosen = [
            number
            for number, row in enumerate(answers.rows)
            if is_sampled(row.event.event_id, self._share)
        ]
        if not chosen:
            return outputs
        began = time.perf_counter()
        found: dict[int, Explanation] = {}
        try:
            found = _explanations(version, answers, chosen)
        except Exception as error:  # a model may raise anything, and the predictions stand
            self._warn(version, f"{type(error).__name__}: {error}"[:500])
        seconds = time.perf_counter() - began
        for number, explanation in found.items():
            outputs[number] = _with(outputs[number], explanation)
        self._told.explained(version.ref, len(found), len(chosen) - len(found), seconds)
        return outputs

    def _warn(self, version: LoadedVersion, why: str) -> None:
        if self._why_not.get(version.digest) == why:
            return
        self._why_not[version.digest] = why
        model, number = version.ref.name, version.ref.version
        log.warning("predictions are not explained", model=model, version=number, reason=why)


def is_sampled(event_id: str, share: float) -> bool:
    """Whether an event belongs to a share of all events; a greater share only adds some."""
    digest = hashlib.blake2b(
        event_id.encode(errors="replace"), digest_size=8, person=b"explain"
    ).digest()
    return int.from_bytes(digest) / _RANGE < share


def _explanations(
    version: LoadedVersion, answers: Answers, chosen: Sequence[int]
) -> dict[int, Explanation]:
    """Number of the row -> its explanation, of as many rows as the limit allows."""
    schema, background = version.scorer.schema, version.background
    most = MOST_MODEL_ROWS // max(model_rows(len(schema.features), len(background)), 1)
    some = chosen[: max(most, 1)]
    features = [decode_features(answers.rows[number].event) for number in some]
    found = explain(
        version.scorer,
        schema.columns(background),
        # They have been scored, so they are features.
        schema.columns([{} if isinstance(one, Refusal) else one for one in features]),
        [answers.outcomes[number] for number in some],
    )
    return {
        number: one
        for number, one in zip(some, found, strict=True)
        if one is not None and len(msgspec.json.encode(one)) <= MOST_BYTES
    }


def _with(output: Output, explanation: Explanation) -> Output:
    """The prediction with one more field. It is written already, by code that all the others go
    through too and that must not grow for the few."""
    field = b',"explanation":' + msgspec.json.encode(explanation) + b"}"
    return replace(output, value=output.value[:-1] + field)
