"""All figures of a run, as they are kept beside the page that is made of them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

import msgspec
from msgspec import Struct

from benchmarks.end_to_end import EndToEndRun
from benchmarks.indexing import IndexingRun
from benchmarks.latency import LatencyRun
from benchmarks.machine import Machine
from benchmarks.runtimes import RuntimeResult
from benchmarks.scaling import MemoryRun, ScalingRun
from benchmarks.swapping import SwapRun
from benchmarks.throughput import ThroughputRun

T = TypeVar("T")


class Results(Struct):
    """Every single run; a part that was not asked for is empty."""

    machine: Machine
    throughput: list[ThroughputRun] = []
    sweeps: list[LatencyRun] = []
    latency: list[LatencyRun] = []
    indexing: list[IndexingRun] = []
    end_to_end: list[EndToEndRun] = []
    scaling: list[ScalingRun] = []
    memory: list[MemoryRun] = []
    runtimes: list[RuntimeResult] = []
    swapping: list[SwapRun] = []


class Figure(Struct, frozen=True):
    """The median of several runs, the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> "Figure":
        """Of at least one value."""
        found = sorted(values)
        return cls(median(found), found[0], found[-1])


def figures(
    runs: Sequence[T], key: Callable[[T], str], value: Callable[[T], float]
) -> dict[str, Figure]:
    """One figure for each key, in the order in which keys were first seen."""
    grouped: dict[str, list[float]] = {}
    for run in runs:
        grouped.setdefault(key(run), []).append(value(run))
    return {name: Figure.of(values) for name, values in grouped.items()}


def paired(
    runs: Sequence[T], key: Callable[[T], str], value: Callable[[T], float], one: str, other: str
) -> Figure | None:
    """How many times the other's value one has, round by round: a machine that changes its pace
    changes it for both. None if there is no round with both."""
    found = [[value(run) for run in runs if key(run) == name] for name in (one, other)]
    pairs = list(zip(*found, strict=False))
    return Figure.of(first / second for first, second in pairs) if pairs else None


def write(results: Results, path: Path) -> None:
    """Keep them as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def read(path: Path) -> Results:
    """What was kept.

    Raises:
        FileNotFoundError: nothing was.
        msgspec.DecodeError: it is of another form.
    """
    return msgspec.json.decode(path.read_bytes(), type=Results)
