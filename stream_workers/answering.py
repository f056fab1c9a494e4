"""The answers of one model version to rows of features: pure, one call of the model a batch."""

import time
from collections.abc import Sequence

from msgspec import Struct

from contracts.dead_letters import Reason
from contracts.events import FeatureValue, Outcome
from contracts.scorer import Inputs, Scorer
from stream_workers.decoding import Refusal, decode_features
from stream_workers.outputs import Row


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
    given = _predict_each(scorer, inputs, len(rows))
    seconds = time.perf_counter() - began
    failures = [number for number, outcome in enumerate(given) if isinstance(outcome, str)]
    if not failures:
        return Answers(rows, given, refused, seconds)  # type: ignore[arg-type]
    refused += [Refused(rows[n], "prediction_failed", str(given[n])) for n in failures]
    answered = [n for n, outcome in enumerate(given) if not isinstance(outcome, str)]
    outcomes = [given[n] for n in answered]
    return Answers([rows[n] for n in answered], outcomes, refused, seconds)  # type: ignore[arg-type]


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


def _predict_each(scorer: Scorer, inputs: Inputs, count: int) -> list[Outcome | str]:
    """Score rows in one call; if the model raises, halve until the rows at fault stand alone.

    Returns:
        For each of the `count` rows its outcome, or a sentence on why it has none.
    """
    if count == 0:
        return []
    try:
        outcomes = scorer.answer(inputs)
    except Exception as error:  # an estimator may raise anything
        if count == 1:
            return [f"the model raised {type(error).__name__}: {error}"]
        middle = count // 2
        return [
            *_predict_each(scorer, inputs[:middle], middle),
            *_predict_each(scorer, inputs[middle:], count - middle),
        ]
    return [
        outcome if outcome is not None else "the model's answer is not a finite number"
        for outcome in outcomes
    ]
