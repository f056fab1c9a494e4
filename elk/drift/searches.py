"""Counting a window inside Elasticsearch: what is asked, and the answer as counts (pure).

Bins, categories and gaps are aggregations; no document leaves the server.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from msgspec import Struct

from contracts.estimated_performance import Calibration, Scores
from contracts.reference import Categories, Numbers, Reference, Signal
from prediction_log.features import usable_name

BUCKETS_OF_A_SEARCH = 5000
"""Of 65,536 that a server allows by default (`search.max_buckets`); a model of many features is
asked in several searches, each over the same documents."""

_SCORE_WIDTH = 0.01
_CONFIDENCE = "prediction.confidence"
_LABEL = "prediction.label"
_SCORES = "scores"
_TWO = 2

Aggregations = dict[str, dict[str, Any]]


class Counted(Struct, frozen=True):
    """Rows of a signal's bins, as `Numbers.bins` and `Categories.bins` have them."""

    bins: list[int]
    mean: float | None = None
    spread: float | None = None


class Observed(Struct, frozen=True):
    """What a window holds.

    Args:
        signals: name -> counts; without features for shadows, whose documents have none.
        scores: for the estimates; None: none are made.
    """

    rows: int
    signals: Mapping[str, Counted]
    scores: Scores | None = None


def field_of(signal: Signal, *, feature: bool) -> str:
    """The field of the log that holds a signal."""
    if not feature:
        return f"prediction.{signal.source}"
    place = "num" if isinstance(signal.distribution, Numbers) else "cat"
    return f"features.{place}.{signal.source}"


def compared(reference: Reference, role: str) -> list[tuple[Signal, str]]:
    """The signals that documents of a role have, with their fields."""
    features = () if role == "shadow" else reference.features
    found = [(one, field_of(one, feature=True)) for one in features if usable_name(one.source)]
    return found + [(one, field_of(one, feature=False)) for one in reference.answers]


def searches(
    signals: Sequence[tuple[Signal, str]], calibration: Calibration | None, classes: Sequence[str]
) -> Iterator[Aggregations]:
    """The aggregations of one search after the other."""
    pending: Aggregations = {}
    buckets = 0
    if calibration is not None:
        pending[_SCORES] = _scores(calibration, classes)
        buckets = round(_TWO / _SCORE_WIDTH)
    for number, (signal, field) in enumerate(signals):
        size = len(signal.distribution.bins)
        if buckets + size > BUCKETS_OF_A_SEARCH and pending:
            yield pending
            pending, buckets = {}, 0
        pending |= _aggregations(str(number), signal.distribution, field)
        buckets += size
    if pending:
        yield pending


def _aggregations(key: str, distribution: Numbers | Categories, field: str) -> Aggregations:
    if isinstance(distribution, Numbers):
        edges = distribution.edges
        inner = [{"from": low, "to": high} for low, high in pairwise(edges)]
        ranges = [{"to": edges[0]}, *inner, {"from": edges[-1]}]
        return {
            f"{key} bins": {"range": {"field": field, "ranges": ranges}},
            f"{key} figures": {"extended_stats": {"field": field}},
        }
    found: Aggregations = {f"{key} present": {"value_count": {"field": field}}}
    if distribution.counts:
        terms: dict[str, Any] = {"field": field, "size": len(distribution.counts)}
        if field == "prediction.cluster":
            terms["include"] = [int(name) for name in distribution.counts]
        elif field != "prediction.is_anomaly":  # has two values, and takes no list
            terms["include"] = list(distribution.counts)
        found[f"{key} bins"] = {"terms": terms}
    return found


def _scores(calibration: Calibration, classes: Sequence[str]) -> dict[str, Any]:
    histogram = {
        "histogram": {"field": _CONFIDENCE, "interval": _SCORE_WIDTH, "min_doc_count": 1},
        "aggs": {"mean": {"avg": {"field": _CONFIDENCE}}},
    }
    if calibration.positive is None:
        return histogram
    labels = {"field": _LABEL, "include": list(classes), "size": len(classes)}
    return {"terms": labels, "aggs": {_SCORES: histogram}}


def observed(
    rows: int,
    signals: Sequence[tuple[Signal, str]],
    calibration: Calibration | None,
    answer: Mapping[str, Any],
) -> Observed:
    """Read the answers of all searches of a window, put into one."""
    return Observed(
        rows,
        {
            signal.name: _counted(rows, signal.distribution, str(number), answer)
            for number, (signal, _) in enumerate(signals)
        },
        None if calibration is None else _read_scores(calibration, answer.get(_SCORES, {})),
    )


def _counted(
    rows: int, distribution: Numbers | Categories, key: str, answer: Mapping[str, Any]
) -> Counted:
    buckets = answer.get(f"{key} bins", {}).get("buckets", [])
    if isinstance(distribution, Numbers):
        figures = answer.get(f"{key} figures", {})
        bins = [bucket["doc_count"] for bucket in buckets] or [0] * len(distribution.counts)
        missing = max(0, rows - int(figures.get("count", 0)))
        return Counted(
            [*bins, missing], _number(figures.get("avg")), _number(figures.get("std_deviation"))
        )
    found = {
        str(bucket.get("key_as_string", bucket["key"])): bucket["doc_count"] for bucket in buckets
    }
    known = [found.get(name, 0) for name in distribution.counts]
    present = int(answer.get(f"{key} present", {}).get("value", 0))
    return Counted([*known, max(0, present - sum(known)), max(0, rows - present)])


def _number(figure: float | str | None) -> float | None:
    """Elasticsearch says by a word what is beyond all numbers, and takes no such word."""
    return None if isinstance(figure, str) else figure


def _read_scores(calibration: Calibration, answer: Mapping[str, Any]) -> Scores:
    if calibration.positive is None:
        return _joined([_histogram(answer, flipped=False, positive=True)])
    return _joined(
        [
            _histogram(bucket.get(_SCORES, {}), flipped=not positive, positive=positive)
            for bucket in answer.get("buckets", [])
            for positive in [bucket["key"] == calibration.positive]
        ]
    )


def _histogram(answer: Mapping[str, Any], *, flipped: bool, positive: bool) -> Scores:
    """The confidence in the other class is one minus the probability of the positive one."""
    buckets = answer.get("buckets", [])
    values = np.array([bucket["mean"]["value"] for bucket in buckets], dtype=np.float64)
    rows = np.array([bucket["doc_count"] for bucket in buckets], dtype=np.float64)
    return Scores(1 - values if flipped else values, rows, np.full(len(rows), positive))


def _joined(parts: Sequence[Scores]) -> Scores:
    empty = Scores(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.bool_))
    parts = [empty, *parts]
    return Scores(
        np.concatenate([part.values for part in parts]),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.positive for part in parts]),
    )
