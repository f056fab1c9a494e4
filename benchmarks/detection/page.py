"""The page and the picture of how soon drift is found."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median

import matplotlib as mpl
import msgspec

mpl.use("agg")
import matplotlib.pyplot as plt

from benchmarks.detection.runs import EVENTS, ONSET, RULE, DetectionRun
from benchmarks.detection.watching import AUC_MARGIN

_COLUMNS = (
    "",
    "window",
    "found",
    "delay, events",
    "in windows",
    "false alarms",
    "per 100,000 events",
    "per 100 windows",
)
_DRAWN_WINDOW = 1_000


def write_detection(runs: Sequence[DetectionRun], folder: Path) -> Path:
    """Write `detection.json`, `detection.png` and `detection.md`; the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    encoded = msgspec.json.format(msgspec.json.encode(runs), indent=1)
    (folder / "detection.json").write_bytes(encoded + b"\n")
    _draw(runs, folder / "detection.png")
    page = folder / "detection.md"
    page.write_text("\n".join([_head(runs), "![How soon](detection.png)\n", _tables(runs)]))
    return page


def _head(runs: Sequence[DetectionRun]) -> str:
    seeds = len({run.seed for run in runs})
    return (
        "# How soon drift is found\n\n"
        'Written by `make bench ARGS="detection"`; docs/performance.md explains how to read it. '
        f"{seeds} streams of each kind, {EVENTS:,} events each, drift from {ONSET:.0%} on "
        "(`millrace produce --synthetic`), labels known at once. Drift: any of 12 signals over its "
        f"limit (false alarms allowed: {RULE.false_alarms:.0%} of windows); performance: the AUC "
        f"{AUC_MARGIN:g} below that of the held-out rows. Alerts need {RULE.over} of the newest "
        f"{RULE.windows} windows; 'one window' is what a single verdict would do. ADWIN and DDM "
        "are River's, with their defaults. Where nothing moves that a detector looks at (features "
        "under 'concept'), what it found is a false alarm. An alert that was open at the onset by "
        "mistake hides the drift behind it: then it was not found.\n"
    )


def _tables(runs: Sequence[DetectionRun]) -> str:
    lines = []
    for kind in dict.fromkeys(run.kind for run in runs):
        lines += [f"## {kind}\n", "| " + " | ".join(_COLUMNS) + " |"]
        lines.append("| " + " | ".join(["---"] * len(_COLUMNS)) + " |")
        of_kind = [run for run in runs if run.kind == kind]
        lines += [_line([r for r in of_kind if _way(r) == way]) for way in _ways(of_kind)]
        lines.append("")
    return "\n".join(lines)


def _line(of: Sequence[DetectionRun]) -> str:
    one = of[0]
    delays = [run.delay for run in of if run.delay is not None]
    alarms = sum(run.false_alarms for run in of)
    rate = alarms / sum(run.undrifted for run in of)
    drifts = any(run.undrifted < EVENTS for run in of)
    middle = median(delays) if delays else None
    cells = (
        one.detector,
        f"{one.window:,}" if one.window else "",
        f"{len(delays) / len(of):.0%}" if drifts else "",
        "" if middle is None else f"{middle:,.0f} ({min(delays):,}–{max(delays):,})",
        "" if middle is None or not one.window else f"{middle / one.window:g}",
        f"{alarms}",
        f"{rate * 100_000:.1f}",
        f"{rate * 100 * one.window:.2f}" if one.window else "",
    )
    return "| " + " | ".join(cells) + " |"


def _way(run: DetectionRun) -> tuple[str, int]:
    return run.detector, run.window


def _ways(runs: Sequence[DetectionRun]) -> list[tuple[str, int]]:
    """Detectors with their windows, those that need none last."""
    return sorted(dict.fromkeys(map(_way, runs)), key=lambda way: not way[1])


def _draw(runs: Sequence[DetectionRun], path: Path) -> None:
    """For each kind of drift, when each detector found it in each stream."""
    shown = [run for run in runs if run.window in (0, _DRAWN_WINDOW) and run.undrifted < EVENTS]
    kinds = list(dict.fromkeys(run.kind for run in shown))
    ways = [detector for detector, _ in _ways(shown)]
    figure, axes = plt.subplots(1, max(1, len(kinds)), figsize=(14, 4), sharey=True, squeeze=False)
    for axis, kind in zip(axes[0], kinds, strict=False):
        for place, detector in enumerate(ways):
            of = [run for run in shown if run.kind == kind and run.detector == detector]
            found = [run.delay for run in of if run.delay is not None]
            axis.plot(found, [place] * len(found), "o", alpha=0.4)
            if len(found) < len(of):
                missed = f"not in {len(of) - len(found)} of {len(of)}"
                axis.annotate(
                    missed,
                    (EVENTS, place),
                    (-4, 4),
                    textcoords="offset points",
                    fontsize=7,
                    ha="right",
                )
        axis.set_xscale("log")
        axis.set_xlim(50, EVENTS)
        axis.set_title(kind, loc="left", fontsize=10)
        axis.set_yticks(range(len(ways)), ways, fontsize=8)
        axis.grid(alpha=0.3)
        axis.set_xlabel("events after the onset", fontsize=8)
    figure.suptitle(f"windows of {_DRAWN_WINDOW:,} rows", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)
