"""`python -m benchmarks [PART ...]`: measure against peers on this machine, in one session."""

import argparse
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import local_stack
from benchmarks import end_to_end, indexing, latency, runtimes, scaling, swapping, throughput
from benchmarks.bed import Bed, bed
from benchmarks.contestants import ALL, BARE, COPY, EXACTLY_ONCE, ONNX, WORKER, Contestant
from benchmarks.detection.page import write_detection
from benchmarks.detection.runs import measure as measure_detection
from benchmarks.latency import LatencyRun
from benchmarks.machine import describe
from benchmarks.page import write_page
from benchmarks.results import Results, write
from benchmarks.workloads import WORKLOADS, logistic

_SLOW_SECONDS = 12.0
"""How long each contestant may take for its events once the first has come out."""
_RATES = (100.0, 1_000.0, 5_000.0)
_LONG_SECONDS = 60.0
_SHARE = 0.7
_STEP = 10_000.0
_FASTEST = 200_000.0
_DOCUMENTS = 200_000
_MEMORY = (1_000_000, 5_000_000)
_CALLS = 201

_DETECTION = "detection"
"""The part that needs no servers, measures no speed, and so has a page of its own."""

NewBed = Callable[[int], AbstractContextManager[Bed]]


def main() -> None:
    """Entry point."""
    chosen = _parse()
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        if _DETECTION in chosen.parts:
            chosen.parts.remove(_DETECTION)
            runs = measure_detection(chosen.seeds, here, _say)
            sys.stdout.write(write_detection(runs, chosen.output).read_text())
        if chosen.parts:
            measure(chosen, here)


def measure(chosen: argparse.Namespace, here: Path) -> None:
    """The parts that need servers; one page of all their figures."""
    results = Results(describe())
    with local_stack.session() as servers:
        # A temporary stack: its data, some 15 GB at the end, goes with it.
        for part in chosen.parts:
            _PARTS[part](partial(bed, servers, here), results, chosen, here)
            write(results, chosen.output / "bench.json")
    page = write_page(results, chosen.output)
    sys.stdout.write(page.read_text())


def measure_throughput(new: NewBed, results: Results, chosen: argparse.Namespace, at: Path) -> None:
    """Every contestant, every model."""
    for make in WORKLOADS.values():
        workload = make()
        with new(4) as one:
            one.add_model(workload)
            one.fill(workload, workload.events)
            _say(f"throughput, {workload.title}, {workload.events:,} events")
            results.throughput += throughput.rounds(
                one,
                workload,
                ALL,
                chosen.rounds,
                _SLOW_SECONDS,
                at,
                lambda r: _say(f"  {r.contestant:32} {r.per_second:12,.0f}/s {r.cpu_us:8.1f} us"),
            )


def measure_latency(new: NewBed, results: Results, chosen: argparse.Namespace, at: Path) -> None:
    """Rising rates until one does not hold; then steady ones, and a share of what was the most."""
    workload = logistic()
    with new(4) as one:
        one.add_model(workload)

        def run(contestant: Contestant, rate: float) -> LatencyRun:
            found = latency.measure(one, workload, contestant, rate, chosen.seconds, at)
            _say(
                f"latency {rate:8,.0f}/s {contestant.name:32} p50 {found.p50:7.2f} "
                f"p99 {found.p99:7.2f} p99.9 {found.p999:7.2f} ms late {found.late:,}"
            )
            return found

        run(WORKER, _STEP)  # a broker is slow until its code is compiled
        most = []
        for contestant in (WORKER, EXACTLY_ONCE):
            highest, runs = latency.sweep(_STEP, _FASTEST, partial(run, contestant))
            results.sweeps += runs
            most.append(highest)
        for _ in range(chosen.rounds):
            for rate in (*_RATES, _SHARE * (min(most) or _STEP)):
                for contestant in (COPY, BARE, WORKER, ONNX, EXACTLY_ONCE):
                    results.latency.append(run(contestant, rate))


def measure_indexing(new: NewBed, results: Results, chosen: argparse.Namespace, at: Path) -> None:
    """The indexer against prepared requests and against the client's helpers."""
    workload = logistic()
    with new(4) as one:
        one.add_model(workload)
        one.fill(workload, _DOCUMENTS)
        throughput.run_through(one, workload, WORKER, _LONG_SECONDS, at)
        prepared = indexing.Prepared(one)
        prepared.index("raw _bulk", at)  # Elasticsearch is slow until its code is compiled
        for _ in range(chosen.rounds):
            for way in indexing.WAYS:
                run = prepared.index(way, at)
                _say(f"indexing {way:24} {run.per_second:10,.0f} documents/s")
                results.indexing.append(run)


def measure_end_to_end(new: NewBed, results: Results, chosen: argparse.Namespace, at: Path) -> None:
    """Ever higher rates until one does not hold; the highest that does, for a minute."""
    workload = logistic()
    with new(4) as one:
        one.add_model(workload)
        held = end_to_end.RATES[0]
        # Elasticsearch is slow until its code is compiled.
        end_to_end.measure(one, workload, held, chosen.seconds, at)
        for rate in end_to_end.RATES:
            run = end_to_end.measure(one, workload, rate, chosen.seconds, at)
            _say(f"end to end {rate:8,.0f}/s for {run.seconds:.0f} s: backlog {run.backlog:,}")
            results.end_to_end.append(run)
            if not run.holds:
                break
            held = rate
        results.end_to_end.append(end_to_end.measure(one, workload, held, 60.0, at))


def measure_scaling(new: NewBed, results: Results, chosen: argparse.Namespace, at: Path) -> None:
    """More processes, partitions, models and features."""
    results.scaling += scaling.scale(
        new, chosen.rounds, at, lambda r: _say(f"{r.of} {r.count}: {r.per_second:,.0f}/s")
    )


def measure_memory(new: NewBed, results: Results, chosen: argparse.Namespace, at: Path) -> None:
    """A worker after more and more events."""
    results.memory += scaling.memory(
        new, _MEMORY, at, lambda r: _say(f"after {r.events:,} events: {r.mib:,.0f} MiB")
    )


def measure_runtimes(new: NewBed, results: Results, chosen: argparse.Namespace, at: Path) -> None:
    """scikit-learn and onnxruntime."""
    results.runtimes += runtimes.measure(_CALLS)


def measure_swapping(new: NewBed, results: Results, chosen: argparse.Namespace, at: Path) -> None:
    """Promotions and rollbacks under load."""
    workload = logistic()
    with new(4) as one:
        one.add_model(workload)
        for run in swapping.measure(one, workload, chosen.rounds, at):
            _say(f"{run.kind}: {run.swapped_ms:.1f} ms, gap {run.gap_ms:.0f} ms")
            results.swapping.append(run)


_PARTS = {
    "throughput": measure_throughput,
    "latency": measure_latency,
    "indexing": measure_indexing,
    "end-to-end": measure_end_to_end,
    "scaling": measure_scaling,
    "memory": measure_memory,
    "runtimes": measure_runtimes,
    "swapping": measure_swapping,
}


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="Example: make bench ARGS='throughput latency --rounds 3'",
    )
    parser.add_argument("parts", nargs="*", choices=[*_PARTS, _DETECTION, []], metavar="PART")
    parser.add_argument("--rounds", type=int, default=3, help="how often each figure is taken")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a steady load")
    parser.add_argument("--seeds", type=int, default=10, help="streams of each kind of drift")
    parser.add_argument("--output", type=Path, default=Path("benchmarks/results"))
    chosen = parser.parse_args()
    chosen.parts = chosen.parts or [*_PARTS, _DETECTION]
    return chosen


if __name__ == "__main__":
    main()
