"""Throughput and latency as a picture."""

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt

from benchmarks.results import Results, figures


def draw(results: Results, path: Path) -> None:
    """Bars for throughput, one group for each model; lines for latency over the rate."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5))
    workloads = list(dict.fromkeys(run.workload for run in results.throughput))
    ways = list(dict.fromkeys(run.contestant for run in results.throughput))
    width = 0.8 / len(ways)
    colours = {way: f"C{number}" for number, way in enumerate(ways)}
    for number, way in enumerate(ways):
        runs = [run for run in results.throughput if run.contestant == way]
        rates = figures(runs, lambda r: r.workload, lambda r: r.per_second)
        left.bar(
            [place + number * width for place in range(len(workloads))],
            [rates[name].median for name in workloads],
            width,
            label=way,
            color=colours[way],
        )
    left.set_yscale("log")
    left.set_xticks([place + 0.4 - width / 2 for place in range(len(workloads))], workloads)
    left.set_title("events per second", loc="left", fontsize=10)
    left.legend(fontsize=7)
    for way in dict.fromkeys(run.contestant for run in results.latency):
        steady = [run for run in results.latency if run.contestant == way]
        for value, style in ((lambda r: r.p50, "-"), (lambda r: r.p99, ":")):
            found = figures(steady, lambda r: f"{r.per_second}", value)
            right.plot(
                [float(rate) for rate in found],
                [one.median for one in found.values()],
                style,
                marker="o",
                color=colours.get(way),
                label=f"{way}, {'p50' if style == '-' else 'p99'}",
            )
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlabel("events per second")
    right.set_title("latency, ms", loc="left", fontsize=10)
    right.legend(fontsize=7)
    for axis in (left, right):
        axis.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
