"""The page of results."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from benchmarks.looking.asking import Page
from benchmarks.looking.comparing import Compared
from benchmarks.looking.year import LABELLED


def write_page(
    folder: Path,
    machine: str,
    events: int,
    looked: dict[str, list[list[Page]]],
    compared: Sequence[Compared],
) -> Path:
    """`looking.md`: seconds of each page, and how far each figure is off.

    Args:
        machine: what it ran on.
        looked: by the time that was chosen, for people: each dashboard's looks.
    """
    lines = [
        "# The console on many documents",
        "",
        f"{machine}. {events:,} predictions of one year, and {-(-events // LABELLED):,} outcomes; "
        "six panels are asked at a time, as browsers do. Seconds until the last panel of a page "
        "is there: at the first look Elasticsearch has no answer left from before, later it has "
        "those of months that nothing was written to (the median of the later looks).",
        "",
        "| time | page | first look | later | its first panel | the slowest |",
        "|---|---|---:|---:|---:|---|",
    ]
    for span, boards in looked.items():
        for first, *later in boards:
            lines.append(
                f"| {span} | {first.dashboard} | {first.last:.2f} "
                f"| {statistics.median(page.last for page in later):.2f} "
                f"| {statistics.median(page.first for page in later):.2f} | {later[-1].slowest} |"
            )
    lines += [
        "",
        "What panels say of all time, against figures computed without Elasticsearch from the "
        "same events:",
        "",
        "| panel | points | farthest off | allowed |",
        "|---|---:|---:|---:|",
        *(f"| {c.panel} | {c.points} | {c.off:.1e} | {c.allowed:.0e} |" for c in compared),
        "",
    ]
    path = folder / "looking.md"
    path.write_text("\n".join(lines), "utf-8")
    return path
