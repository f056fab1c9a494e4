"""How many events a second: every contestant in turn over the same events, several rounds."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from benchmarks.bed import Bed
from benchmarks.contestants import Contestant, group_of, start
from benchmarks.outputs import read_outputs
from benchmarks.processes import Watched
from benchmarks.workloads import Workload

_START_SECONDS = 60.0
_EVERY_SECONDS = 0.1


class ThroughputRun(Struct, frozen=True):
    """One run. `outputs` is how many records came out in the time it was given; CPU time is that
    of all its processes between the first and the last tenth of them."""

    workload: str
    contestant: str
    outputs: int
    per_second: float
    cpu_us: float
    doubled: int
    wrong: int


def measure(
    bed: Bed,
    workload: Workload,
    contestant: Contestant,
    most_seconds: float,
    folder: Path,
    skipped: float = 0.1,
) -> ThroughputRun:
    """Run one contestant over all events on `features`, or for so long; its output is deleted.

    Args:
        skipped: share of the output that is not measured, at the beginning.

    Raises:
        RuntimeError: it ended by itself, or nothing came out.
    """
    starts = bed.ends(bed.topics.predictions.name)
    process = run_through(bed, workload, contestant, most_seconds, folder)
    arrivals = read_outputs(bed, starts, expected(workload) if contestant.predicts else None)
    bed.truncate(bed.topics.predictions.name)
    rate, since, until = arrivals.rate(skipped)
    cpu = process.cpu_at(until) - process.cpu_at(since)
    return ThroughputRun(
        workload.name,
        contestant.name,
        len(arrivals.times),
        rate,
        cpu / (rate * (until - since)) * 1e6,
        arrivals.doubled,
        arrivals.wrong,
    )


def run_through(
    bed: Bed, workload: Workload, contestant: Contestant, most_seconds: float, folder: Path
) -> Watched:
    """As `measure`, but its output stays; the process, which has ended."""
    topic = bed.topics.predictions.name
    bed.forget_group(group_of(contestant, bed))
    begin = sum(bed.ends(topic).values())
    wanted = begin + sum(bed.ends(bed.topics.features.name).values())
    process = start(contestant, bed, workload.name, folder)
    try:
        deadline = time.monotonic() + _START_SECONDS
        done, seen = begin, False
        while done < wanted and time.monotonic() < deadline:
            time.sleep(_EVERY_SECONDS)
            process.require_running()
            done = sum(bed.ends(topic).values())
            if done > begin and not seen:
                seen, deadline = True, time.monotonic() + most_seconds
    finally:
        process.stop()
    if not seen:
        raise RuntimeError(f"{contestant.name}: nothing came out, see {process.log}")
    return process


def expected(workload: Workload) -> NDArray[np.float64]:
    """The probability of the last class, row by row, by the estimator itself."""
    inputs = workload.scorer.inputs(workload.columns)
    estimator = workload.scorer.estimator
    return np.asarray(estimator.predict_proba(inputs)[:, -1])  # type: ignore[attr-defined]


def rounds(
    bed: Bed,
    workload: Workload,
    contestants: Sequence[Contestant],
    count: int,
    most_seconds: float,
    folder: Path,
    tell: Callable[[ThroughputRun], None],
) -> list[ThroughputRun]:
    """Run all of them in turn, `count` times, each time from another one on.

    The last one runs once before: a broker whose code is not compiled yet is slow for the first.
    """
    measure(bed, workload, contestants[-1], most_seconds, folder)
    runs = []
    for number in range(count):
        shift = number % len(contestants)
        for contestant in (*contestants[shift:], *contestants[:shift]):
            run = measure(bed, workload, contestant, most_seconds, folder)
            tell(run)
            runs.append(run)
    return runs
