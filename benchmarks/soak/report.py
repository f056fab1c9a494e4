"""A soak run as a page with a table and a picture."""

import platform
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import psutil
from msgspec import Struct

mpl.use("agg")
import matplotlib.pyplot as plt

from benchmarks.soak.sampling import Sample
from benchmarks.soak.trends import LIMITS, Trend

_TITLES = {
    "memory_mib": "memory (resident), MiB",
    "descriptors": "open descriptors",
    "threads": "threads",
    "lag": "records not finished yet",
}


class Totals(Struct, frozen=True):
    """What went through, counted from Kafka and Elasticsearch."""

    seconds: float
    rate: float
    events: int
    documents: int
    dead_letters: int
    lost: int
    duplicated: int


def write_report(
    folder: Path, samples: Sequence[Sample], trends: Sequence[Trend], totals: Totals
) -> Path:
    """Write `soak.md` and `soak.png` into a folder; the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    _draw(folder / "soak.png", samples)
    page = folder / "soak.md"
    page.write_text(_page(trends, totals))
    return page


def _page(trends: Sequence[Trend], totals: Totals) -> str:
    memory = psutil.virtual_memory().total / 2**30
    rows = [
        f"| {t.subject} | {_TITLES[t.figure]} | {t.first:,.0f} | {t.last:,.0f} | {t.highest:,.0f} "
        f"| {t.per_hour:+,.1f} | {LIMITS[t.figure]:,.0f} | {'yes' if t.flat else '**no**'} |"
        for t in trends
    ]
    return "\n".join(
        [
            "# Running for long",
            "",
            "Written by `make soak`. Everything runs on one machine: "
            f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} "
            f"{platform.release()}, Python {platform.python_version()}.",
            "",
            f"{totals.events:,} events in {totals.seconds / 60:,.0f} min at {totals.rate:,.0f}/s: "
            f"{totals.documents:,} documents, {totals.dead_letters:,} dead letters, "
            f"lost {totals.lost:,}, doubled {totals.duplicated:,}.",
            "",
            "Growth per hour is the slope of a Theil-Sen line through the samples after the first "
            "fifth of the run. First and last are medians of a tenth of them.",
            "",
            "| of | figure | first | last | highest | growth per hour | limit | flat |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            "![Each figure over time](soak.png)",
            "",
        ]
    )


def _draw(path: Path, samples: Sequence[Sample]) -> None:
    figure, axes = plt.subplots(len(_TITLES), 1, figsize=(9, 12), sharex=True)
    for axis, (name, title) in zip(axes, _TITLES.items(), strict=True):
        for subject in dict.fromkeys(s.subject for s in samples if s.figure == name):
            of_it = [s for s in samples if (s.figure, s.subject) == (name, subject)]
            axis.plot([s.seconds / 60 for s in of_it], [s.value for s in of_it], label=subject)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
    axes[-1].set_xlabel("minutes")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
