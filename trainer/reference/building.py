"""From training data and the answers of models that had not seen them to a reference."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from contracts.domain_classifier import LEAST_ROWS, MOST_FEATURES, MOST_ROWS, separability
from contracts.events import FeatureValue
from contracts.feature_schema import Feature, FeatureSchema
from contracts.reference import Reference, Sample, Signal
from contracts.release_rules import MonitorRule
from contracts.scorer import Columns
from contracts.signal_names import signal_name
from trainer.reference.answers import OutOfSample, answer_signals, calibration_of, estimates_of
from trainer.reference.blocks import Blocks, cut
from trainer.reference.distributions import as_logged, categories, numbers, signal

_COMPARED = ("numeric", "categorical", "boolean")
_BLOCKS_TO_TELL = 6
"""Each costs a fit."""

Truth = Mapping[str, Sequence[FeatureValue]]


def build_reference(
    schema: FeatureSchema,
    columns: Columns,
    moments: NDArray[np.float64] | None,
    unseen: OutOfSample,
    truth: Truth,
    classes: Sequence[str],
    rule: MonitorRule,
    seed: int = 0,
) -> Reference:
    """Describe n rows, and what models answered on those that they were not fitted on.

    Args:
        columns: one list of n values per feature of the schema.
        moments: n times in seconds, None: rows have none.
        truth: target -> true values of the unseen rows.
        classes: of a classifier.
        rule: how long windows are, and how many rows say something.
    """
    rows = len(columns[0])
    blocks = cut(moments, rows, rule.window_hours, rule.least_rows)
    known = [number for number, outcome in enumerate(unseen.outcomes) if outcome is not None]
    outcomes = [outcome for outcome in unseen.outcomes if outcome is not None]
    unseen_rows = unseen.rows[known]
    times = None if moments is None else moments[unseen_rows]
    blocks_of_unseen = cut(times, len(unseen_rows), rule.window_hours, rule.least_rows)
    calibrated = None
    if len(truth) == 1 and classes:
        [true] = truth.values()
        calibrated = calibration_of(outcomes, [true[number] for number in known], classes)
    return Reference(
        rows=rows,
        blocks=blocks.count,
        features=tuple(_features(schema, columns, blocks)),
        answers=answer_signals(outcomes, blocks_of_unseen),
        calibration=calibrated[0] if calibrated else None,
        estimates=estimates_of(*calibrated, blocks_of_unseen, seed) if calibrated else (),
        sample=_sample(schema, columns, blocks, seed),
    )


def _features(schema: FeatureSchema, columns: Columns, blocks: Blocks) -> Iterator[Signal]:
    for feature, column in zip(schema.features, columns, strict=True):
        if feature.kind not in _COMPARED:
            continue
        if feature.kind == "numeric":
            coded = numbers(np.array(column, dtype=np.float64), single=True)
        else:
            coded = categories(column)
        yield signal(signal_name(feature.name), feature.name, coded, blocks)


def _sample(schema: FeatureSchema, columns: Columns, blocks: Blocks, seed: int) -> Sample | None:
    """Rows at random, and how well some blocks can be told from the other rows."""
    compared = [
        (feature, column)
        for feature, column in zip(schema.features, columns, strict=True)
        if feature.kind in _COMPARED
    ]
    rows = len(columns[0])
    if not compared or rows < LEAST_ROWS:
        return None
    chosen = np.linspace(0, len(compared) - 1, min(len(compared), MOST_FEATURES), dtype=int)
    used = [compared[number] for number in chosen]
    generator = np.random.default_rng(seed)

    def take(numbers: NDArray[np.intp], most: int) -> dict[str, list[FeatureValue]]:
        some = numbers
        if len(numbers) > most:
            some = np.sort(generator.choice(numbers, most, replace=False))
        return {f.name: [_value(f, column[row]) for row in some] for f, column in used}

    parts = [part for part in blocks.rows() if LEAST_ROWS <= len(part) <= rows - LEAST_ROWS]
    if parts:
        picked = np.unique(np.linspace(0, len(parts) - 1, _BLOCKS_TO_TELL, dtype=int))
        parts = [parts[number] for number in picked]
    size = min([MOST_ROWS, *(min(len(part), rows - len(part)) for part in parts)])
    everything = np.arange(rows, dtype=np.intp)
    told = [
        separability(take(np.setdiff1d(everything, part), size), take(part, size), seed)
        for part in parts
    ]
    return Sample(columns=take(everything, MOST_ROWS), separabilities=tuple(told), block_rows=size)


def _value(feature: Feature, value: FeatureValue) -> FeatureValue:
    """As the log counts it: numbers as float32, truth values as words."""
    if value is None:
        return None
    return float(np.float32(value)) if feature.kind == "numeric" else as_logged(value)
