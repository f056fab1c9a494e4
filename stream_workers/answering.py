"""The answers of one model version to rows of features: pure, one call of the model a batch."""

import time
from collections.abc import Sequence

from msgspec import Struct

from contracts.dead_letters import Reason
from contracts.events import FeatureValue, Outcome
from contracts.scorer import Inputs, Scorer
from stream_workers.decoding import Refusal, decode_features
from stream_workers.outputs import Row

_HOPELESS = 32
"""Rows that a model raises on, one after the other, before the rest of a batch goes unasked."""


class Refused(Struct, frozen=True, gc=False):
    """A row without an answer, and why."""

    row: Row
    reason: Reason
    detail: str


class Answers(Struct, frozen=True):
    """n rows with n answers, and the rows that have none; `seconds` is what the model took."""

    rows: Sequence[Row]
    outcomes: Sequence[Outcome]
    refused: Sequence[Refused]
    seconds: float


def answer(scorer: Scorer, rows: Sequence[Row]) -> Answers:
    """Score rows; what cannot be scored is put down to single rows."""
    inputs = scorer.read([row.event.features for row in rows])
    refused: list[Refused] = []
    if inputs is None:
        rows, inputs, refused = _read_one_by_one(scorer, rows)
    began = time.perf_counter()
    outcomes, failures = _Halving(scorer, inputs, len(rows)).predict(inputs, len(rows))
    seconds = time.perf_counter() - began
    if None not in outcomes:
        return Answers(rows, outcomes, refused, seconds)  # type: ignore[arg-type]
    for number, (row, outcome) in enumerate(zip(rows, outcomes, strict=True)):
        if outcome is None:
            why = failures.get(number, "the model's answer is not a finite number")
            refused.append(Refused(row, "prediction_failed", why))
    answered = [(r, o) for r, o in zip(rows, outcomes, strict=True) if o is not None]
    return Answers([r for r, _ in answered], [o for _, o in answered], refused, seconds)


def _read_one_by_one(
    scorer: Scorer, rows: Sequence[Row]
) -> tuple[list[Row], Inputs, list[Refused]]:
    """Rows that fit the schema, their inputs, and the others with what is wrong with them."""
    refused: list[Refused] = []
    readable: list[tuple[Row, dict[str, FeatureValue]]] = []
    for row in rows:
        features = decode_features(row.event)
        if isinstance(features, Refusal):
            refused.append(Refused(row, features.reason, features.detail))
        else:
            readable.append((row, features))
    schema = scorer.schema
    problems = schema.problems(schema.columns([features for _, features in readable]))
    refused += [
        Refused(readable[number][0], "invalid_features", detail)
        for number, detail in problems.items()
    ]
    fit = [pair for number, pair in enumerate(readable) if number not in problems]
    columns = schema.columns([features for _, features in fit])
    return [row for row, _ in fit], scorer.inputs(columns), refused


class _Halving:
    """Scores rows in one call; if the model raises, halves until the rows at fault stand alone.

    A model that raises whatever it is given would be called twice for each row, and hold up every
    other model: after some rows in a row that it cannot score, rows from all over the batch are
    tried, and only if it can score none of them the rest goes unasked. One sender's rows alone do
    not bring that about.
    """

    def __init__(self, scorer: Scorer, inputs: Inputs, count: int) -> None:
        self._scorer, self._whole, self._count = scorer, inputs, count
        self._failed_in_a_row = 0
        self._hopeless: bool | None = None
        self._last = ""

    def predict(
        self, inputs: Inputs, count: int
    ) -> tuple[Sequence[Outcome | None], dict[int, str]]:
        """For each of the `count` rows its outcome, None if it has none; and for those the model
        raised on, by their number, what it said."""
        if count == 0:
            return [], {}
        if self._failed_in_a_row >= _HOPELESS and self._is_hopeless():
            return [None] * count, dict.fromkeys(range(count), self._last)
        try:
            outcomes = self._scorer.answer(inputs)
        except Exception as error:  # an estimator may raise anything
            if count == 1:
                self._failed_in_a_row += 1
                self._last = f"the model raised {type(error).__name__}: {error}"
                return [None], {0: self._last}
        else:
            self._failed_in_a_row = 0
            return outcomes, {}
        middle = count // 2
        first, failures = self.predict(inputs[:middle], middle)
        second, more = self.predict(inputs[middle:], count - middle)
        return [*first, *second], failures | {middle + n: why for n, why in more.items()}

    def _is_hopeless(self) -> bool:
        if self._hopeless is None:
            step = max(1, self._count // _HOPELESS)
            self._hopeless = not any(map(self._can_score, range(0, self._count, step)))
        return self._hopeless

    def _can_score(self, row: int) -> bool:
        try:
            self._scorer.answer(self._whole[row : row + 1])
        except Exception:  # an estimator may raise anything
            return False
        return True
