"""The page that people read: tables of medians with their spread, ratios, and a picture."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.contestants import BARE, BYTEWAX, EXACTLY_ONCE, FAUST, QUIX, WORKER
from benchmarks.drawing import draw
from benchmarks.results import Figure, Results, figures, paired
from benchmarks.swapping import PER_SECOND, SwapRun
from benchmarks.throughput import ThroughputRun
from benchmarks.workloads import WORKLOADS

_WANTED = (
    (WORKER, BARE, 0.9),
    (EXACTLY_ONCE, BARE, 0.75),
    (WORKER, BYTEWAX, 2.0),
    (WORKER, QUIX, 20.0),
    (WORKER, FAUST, 40.0),
)
"""How many times the second the first is to reach, on the model named first."""


def write_page(results: Results, folder: Path) -> Path:
    """Write `bench.md` and `bench.png`; the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [
        _head(results),
        _throughput(results),
        _sweeps(results),
        _latency(results),
        _indexing(results),
        _end_to_end(results),
        _scaling(results),
        _runtimes(results),
        _swapping(results),
    ]
    if results.throughput and results.latency:
        draw(results, folder / "bench.png")
        parts.insert(1, "![Throughput and latency](bench.png)\n")
    page = folder / "bench.md"
    page.write_text("\n".join(part for part in parts if part))
    return page


def _head(results: Results) -> str:
    machine = results.machine
    libraries = ", ".join(f"{name} {number}" for name, number in machine.libraries.items())
    return (
        "# What it is measured against\n\n"
        "Written by `make bench`; docs/performance.md explains how to read it. Everything runs on "
        f"one machine, one after the other: {machine.processor}, {machine.cores} cores, "
        f"{machine.memory_gib:.0f} GiB, {machine.system}, Python {machine.python}, {libraries}; "
        f"{machine.measured_at:%Y-%m-%d}, load {machine.load} before it began. "
        "A figure is the median, with the lowest and the highest behind it.\n"
    )


def _throughput(results: Results) -> str:
    lines = []
    for name in dict.fromkeys(run.workload for run in results.throughput):
        runs = [run for run in results.throughput if run.workload == name]
        rates = figures(runs, lambda r: r.contestant, lambda r: r.per_second)
        cpu = figures(runs, lambda r: r.contestant, lambda r: r.cpu_us)
        wrong = sum(run.wrong for run in runs)
        doubled = sum(run.doubled for run in runs)
        lines += [
            f"## Throughput: {WORKLOADS[name]().title}\n",
            *_table(
                ("", "events/s", "CPU µs/event", "times the bare loop"),
                (
                    (way, _spread(rate), _spread(cpu[way], 1), _times(_paced(runs, way, BARE.name)))
                    for way, rate in rates.items()
                ),
            ),
            "",
            f"Predictions that differ from the model's: {wrong:,}; that came twice: {doubled:,}.\n",
        ]
        if name == next(iter(WORKLOADS)):
            lines += _ratios(runs)
    return "\n".join(lines)


def _ratios(runs: Sequence[ThroughputRun]) -> list[str]:
    rows = []
    for one, other, wanted in _WANTED:
        found = _paced(runs, one.name, other.name)
        if found is not None:
            verdict = "yes" if found.median >= wanted else "**no**"
            rows.append((one.name, other.name, _times(found), f"{wanted:g}", verdict))
    return [*_table(("", "times", "found", "wanted", "reached"), rows), ""]


def _paced(runs: Sequence[ThroughputRun], one: str, other: str) -> Figure | None:
    return paired(runs, lambda r: r.contestant, lambda r: r.per_second, one, other)


def _latency(results: Results) -> str:
    rows = []
    for rate in dict.fromkeys(run.per_second for run in results.latency):
        runs = [run for run in results.latency if run.per_second == rate]
        found = [
            figures(runs, lambda r: r.contestant, value)
            for value in (lambda r: r.p50, lambda r: r.p99, lambda r: r.p999, lambda r: r.late)
        ]
        for way in found[0]:
            spread = [_spread(figure[way], 2) for figure in found[:3]]
            rows.append((f"{rate:,.0f}", way, *spread, f"{found[3][way].high:,.0f}"))
    said = "From the producer's clock to a consumer of `predictions`, milliseconds.\n"
    names = ("events/s", "", "p50", "p99", "p99.9", "not answered in time")
    return _section("Latency", names, rows, said)


def _sweeps(results: Results) -> str:
    rows = [
        (
            f"{run.per_second:,.0f}",
            run.contestant,
            f"{run.p50:.2f}",
            f"{run.p99:.2f}",
            f"{run.late:,}",
            "yes" if run.holds else "no",
        )
        for run in results.sweeps
    ]
    names = ("events/s", "", "p50 ms", "p99 ms", "not answered in time", "holds")
    return _section("Rising rates, until one does not hold", names, rows)


def _indexing(results: Results) -> str:
    rates = figures(results.indexing, lambda r: r.way, lambda r: r.per_second)
    cpu = figures(results.indexing, lambda r: r.way, lambda r: r.cpu_us)

    def times(way: str, other: str) -> str:
        found = paired(results.indexing, lambda r: r.way, lambda r: r.per_second, way, other)
        return _times(found)

    rows = [
        (
            way,
            _spread(rate),
            _spread(cpu[way], 1) if way == "indexer" else "",
            times(way, "raw _bulk"),
            times(way, "helpers.parallel_bulk"),
        )
        for way, rate in rates.items()
    ]
    names = ("", "documents/s", "CPU µs/document", "times raw `_bulk`", "times `parallel_bulk`")
    return _section("Indexing", names, rows)


def _end_to_end(results: Results) -> str:
    rows = [
        (
            f"{run.per_second:,.0f}",
            f"{run.seconds:.0f}",
            f"{run.sent:,}",
            f"{run.found:,}",
            f"{run.p50:.2f}",
            f"{run.p99:.2f}",
            f"{run.backlog:,}",
            "yes" if run.holds else "no",
        )
        for run in results.end_to_end
    ]
    names = ("events/s", "s", "sent", "found", "p50 s", "p99 s", "backlog at the end", "holds")
    return _section("From the producer to a document that is found", names, rows)


def _scaling(results: Results) -> str:
    lines = []
    for axis in dict.fromkeys(run.of for run in results.scaling):
        runs = [run for run in results.scaling if run.of == axis]
        rates = figures(runs, lambda r: f"{r.count:,}", lambda r: r.per_second)
        cpu = figures(runs, lambda r: f"{r.count:,}", lambda r: r.cpu_us)
        rows = [(count, _spread(rate), _spread(cpu[count], 1)) for count, rate in rates.items()]
        lines += [f"## More {axis}\n", *_table((axis, "events/s", "CPU µs/event"), rows), ""]
    if results.memory:
        memory = [(f"{run.events:,}", f"{run.mib:,.0f}") for run in results.memory]
        lines += ["## Memory of a worker\n", *_table(("events", "MiB"), memory), ""]
    return "\n".join(lines)


def _runtimes(results: Results) -> str:
    rows = [
        (
            run.model,
            f"{run.rows:,}",
            run.runtime,
            f"{run.median_us:,.0f} ± {run.spread_us:,.0f}",
            f"{run.estimator_us:,.0f}",
        )
        for run in results.runtimes
    ]
    names = ("model", "rows", "runtime", "µs, with outcomes", "µs, model alone")
    return _section("scikit-learn and onnxruntime", names, rows)


def _swapping(results: Results) -> str:
    runs = results.swapping

    def of(value: Callable[[SwapRun], float], digits: int = 0) -> dict[str, str]:
        found = figures(runs, lambda r: r.kind, value)
        return {kind: _spread(figure, digits) for kind, figure in found.items()}

    columns = (
        of(lambda r: r.swapped_ms, 1),
        of(lambda r: r.predicted_ms, 1),
        of(lambda r: r.command_swapped_ms),
        of(lambda r: r.command_predicted_ms),
        of(lambda r: r.gap_ms),
        of(lambda r: r.quiet_ms),
        of(lambda r: r.gap_ms / r.quiet_ms, 2),
        of(lambda r: r.lost),
    )
    said = (
        f"Two workers under {PER_SECOND:,.0f} events/s; milliseconds until the last worker has "
        "swapped, and until the first prediction by the other version can be read: from the "
        "record's arrival on the control topic (*), and from the start of the command (**). The "
        "longest gap between two predictions that one worker gave to Kafka, in the two seconds "
        "from the record on, and in two seconds around the end of a command that only looks.\n"
    )
    names = (
        "",
        "swapped*",
        "predicted*",
        "swapped**",
        "predicted**",
        "gap",
        "gap without",
        "times",
        "events lost",
    )
    rows = [(kind, *(column[kind] for column in columns)) for kind in columns[0]]
    return _section("Swapping under load", names, rows, said)


def _spread(figure: Figure, digits: int = 0) -> str:
    low, high = f"{figure.low:,.{digits}f}", f"{figure.high:,.{digits}f}"
    return f"{figure.median:,.{digits}f} ({low}–{high})"


def _times(figure: Figure | None) -> str:
    return "" if figure is None else _spread(figure, 2)


def _section(title: str, names: Sequence[str], rows: Sequence[Sequence[str]], *said: str) -> str:
    """A heading over a table; nothing where there is nothing to show."""
    return "\n".join([f"## {title}\n", *said, *_table(names, rows), ""]) if rows else ""


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]
