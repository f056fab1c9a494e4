"""The figures of panels against those computed from the columns that the documents came from."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from benchmarks.looking.asking import Answer
from benchmarks.looking.year import CLASSES, VERSIONS, Year

EXACT = 1e-9
ROUNDED = 0.01
"""Two decimals."""
SKETCHED = 0.02
"""Percentiles of Elasticsearch are those of a t-digest (Dunning 2021)."""

_MONTHS = "Month by month"


class Compared(Struct, frozen=True):
    """One figure of many: how many points there are, and how far the worst is off, relatively."""

    panel: str
    points: int
    off: float
    allowed: float


def compare(year: Year, pages: Mapping[str, Mapping[str, Answer]]) -> Iterator[Compared]:
    """What the overview and the drift page of all time say, point by point.

    Args:
        pages: dashboard -> panel -> answer.

    Raises:
        KeyError, ValueError: a panel has no chart, or not the series that the year has.
    """
    overview = pages["overview"]
    classes = _lines(overview["classes"])
    edges = _edges(next(iter(classes.values()))[0])
    counts, _, _ = np.histogram2d(year.at, year.label, bins=[edges, [0, 1, 2]])
    yield _compared(
        "Predictions by class",
        [(classes[name][1], counts[:, place]) for place, name in enumerate(CLASSES)],
        EXACT,
    )
    sure = _lines(overview["confidence-over-time"])
    pairs = []
    for version in range(VERSIONS):
        times, shown = sure[str(version + 1)]
        its = year.version == version
        of_it = _by_interval(year.at[its], year.confidence[its], _edges(times), np.mean)
        pairs.append((shown, of_it))
    yield _compared("Mean confidence by version", pairs, 1e-6)
    waits = _lines(overview["latency-over-time"])
    for (name, (times, shown)), percent in zip(waits.items(), (50, 95, 99), strict=True):
        own = _by_interval(
            year.at, year.total_ms, _edges(times), lambda v, p=percent: np.percentile(v, p)
        )
        yield _compared(f"Latency over time, {name}", [(shown, own)], SKETCHED)

    yield _compared(
        "Why did confidence fall?, by month", [_by_month(year, pages["drift"])], ROUNDED
    )


def _by_month(
    year: Year, drift: Mapping[str, Answer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """As the table says it, and as it is."""
    table = next(one for one in drift["confidence"]["views"] if one.get("title") == _MONTHS)
    shown = {str(row[0]["text"]): float(row[1]) for row in table["rows"]}
    months = year.at.astype("datetime64[ms]").astype("datetime64[M]")
    names = np.array([f"{one.item():%B %Y}" for one in np.unique(months)])
    own = [year.confidence[months == one].mean() for one in np.unique(months)]
    return np.array([shown[name] for name in names]), np.array(own)


def _lines(answer: Answer) -> dict[str, tuple[list[str], NDArray[np.float64]]]:
    [view] = answer["views"]
    return {
        trace["name"]: (trace["x"], np.array(trace["y"], float)) for trace in view["chart"]["data"]
    }


def _edges(times: list[str]) -> NDArray[np.float64]:
    """Milliseconds since 1970 at which intervals begin, and where the last one ends."""
    begins = [datetime.fromisoformat(t).replace(tzinfo=UTC).timestamp() * 1000 for t in times]
    return np.array([*begins, begins[-1] + min(np.diff(begins))])


def _by_interval(
    at: NDArray[np.int64], values: NDArray[np.float64], edges: NDArray[np.float64], figure: Any
) -> NDArray[np.float64]:
    parts = np.split(values, np.searchsorted(at, edges))[1:-1]
    return np.array([figure(part) if len(part) else np.nan for part in parts])


def _compared(
    panel: str, pairs: list[tuple[NDArray[np.float64], NDArray[np.float64]]], allowed: float
) -> Compared:
    shown, own = (np.concatenate(column) for column in zip(*pairs, strict=True))
    if not np.array_equal(np.isnan(shown), np.isnan(own)):
        raise ValueError(f"{panel}: points are missing")
    there = ~np.isnan(own)
    off = float(np.max(np.abs(shown[there] - own[there]) / np.maximum(np.abs(own[there]), 1e-9)))
    return Compared(panel, int(there.sum()), off, allowed)
