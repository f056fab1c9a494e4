"""How the worker takes more of everything: processes, partitions, models, features, events."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from benchmarks.bed import Bed
from benchmarks.contestants import WORKER, start
from benchmarks.throughput import measure
from benchmarks.workloads import logistic

NewBed = Callable[[int], AbstractContextManager[Bed]]
"""Makes an installation with so many partitions."""

_MOST_SECONDS = 60.0
_EVENTS = 300_000
_PROCESSES = sorted({1, 2, os.cpu_count() or 1})
_PARTITIONS = (1, 4, 16, 64)
_MODELS = (1, 10, 100)
_FEATURES = (10, 100, 1000)
_VALUES = 3_000_000
"""Of features in one run."""


class ScalingRun(Struct, frozen=True):
    """Throughput of the worker, at least once, with so many of something."""

    of: str
    count: int
    per_second: float
    cpu_us: float


class MemoryRun(Struct, frozen=True):
    """Resident memory of one worker process after so many events, MiB: median of a second."""

    events: int
    mib: float


def scale(
    new_bed: NewBed, rounds: int, folder: Path, tell: Callable[[ScalingRun], None]
) -> list[ScalingRun]:
    """Measure each axis in turn, its steps interleaved."""
    runs = []
    for axis in (_processes, _partitions, _models, _features):
        for run in axis(new_bed, rounds, folder):
            tell(run)
            runs.append(run)
    return runs


def memory(
    new_bed: NewBed, steps: tuple[int, ...], folder: Path, tell: Callable[[MemoryRun], None]
) -> list[MemoryRun]:
    """Let one worker go through more and more events and look at its memory in between."""
    workload, runs, filled = logistic(), [], 0
    with new_bed(4) as bed:
        bed.add_model(workload)
        topic = bed.topics.predictions.name
        process = start(WORKER, bed, workload.name, folder)
        try:
            for events in steps:
                while filled < events:
                    part = min(_EVENTS, events - filled)
                    bed.fill(workload, part)
                    filled += part
                    while sum(bed.ends(topic).values()) < filled:
                        process.require_running()
                        time.sleep(0.2)
                    bed.truncate(topic)
                time.sleep(2.0)
                newest = [resident for _, _, resident in process.samples[-10:]]
                run = MemoryRun(events, float(np.median(newest)) / 2**20)
                tell(run)
                runs.append(run)
        finally:
            process.stop()
    return runs


def _processes(new_bed: NewBed, rounds: int, folder: Path) -> Iterator[ScalingRun]:
    workload = logistic()
    with new_bed(4) as bed:
        bed.add_model(workload)
        bed.fill(workload, 3 * _EVENTS)
        for _ in range(rounds):
            for count in _PROCESSES:
                contestant = replace(WORKER, processes=count)
                # While one has begun and the next joins the group, nothing comes out.
                run = measure(bed, workload, contestant, _MOST_SECONDS, folder, skipped=0.5)
                yield ScalingRun("processes", count, run.per_second, run.cpu_us)


def _partitions(new_bed: NewBed, rounds: int, folder: Path) -> Iterator[ScalingRun]:
    workload = logistic()
    for count in _PARTITIONS:
        with new_bed(count) as bed:
            bed.add_model(workload)
            bed.fill(workload, _EVENTS)
            for _ in range(rounds):
                run = measure(bed, workload, WORKER, _MOST_SECONDS, folder)
                yield ScalingRun("partitions", count, run.per_second, run.cpu_us)


def _models(new_bed: NewBed, rounds: int, folder: Path) -> Iterator[ScalingRun]:
    workload = logistic()
    for count in _MODELS:
        names = [f"model_{number}" for number in range(count)]
        with new_bed(4) as bed:
            for name in names:
                bed.add_model(workload, name)
            bed.fill(workload, _EVENTS, names)
            for _ in range(rounds):
                run = measure(bed, workload, WORKER, _MOST_SECONDS, folder)
                yield ScalingRun("models", count, run.per_second, run.cpu_us)


def _features(new_bed: NewBed, rounds: int, folder: Path) -> Iterator[ScalingRun]:
    for count in _FEATURES:
        workload = logistic(count)
        with new_bed(4) as bed:
            bed.add_model(workload)
            bed.fill(workload, min(_EVENTS, _VALUES // count))
            for _ in range(rounds):
                run = measure(bed, workload, WORKER, _MOST_SECONDS, folder)
                yield ScalingRun("features", count, run.per_second, run.cpu_us)
