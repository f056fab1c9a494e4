"""Every detector on every kind of drift with several seeds."""

import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from benchmarks.contestants import PEERS
from benchmarks.detection.signals import Learned, Signals, learn
from benchmarks.detection.watching import DriftLimits, performance_over, raised
from benchmarks.processes import PROJECT, python
from contracts.release_rules import MonitorRule
from producers.synthetic.drift import Kind
from producers.synthetic.stream import SyntheticStream

EVENTS = 40_000
ONSET = 0.5
WINDOWS = (500, 1_000, 2_000)
"""Rows of a window."""
RULE = MonitorRule()
ONE_WINDOW = MonitorRule(windows=1, over=1)

DRIFT, PERFORMANCE = "drift", "performance"
DRIFT_ONCE, PERFORMANCE_ONCE = "drift, one window", "performance, one window"
ADWIN_ERRORS, DDM_ERRORS = "ADWIN on errors", "DDM on errors"
ADWIN_FEATURES = "ADWIN on each number"


class DetectionRun(Struct, frozen=True):
    """One detector on one stream.

    Args:
        window: rows of a window; 0: the detector looks at every event.
        delay: events from the onset to the first alarm after it; none: there was no alarm, or no
            drift.
        false_alarms: alarms before the onset, or anywhere where there is no drift.
        undrifted: events in which they were raised.
    """

    detector: str
    window: int
    kind: str
    seed: int
    delay: int | None
    false_alarms: int
    undrifted: int


def measure(seeds: int, folder: Path, say: Callable[[str], None]) -> list[DetectionRun]:
    """All kinds, `seeds` streams of each."""
    learned = learn()
    limits = {rows: DriftLimits(learned, rows, RULE) for rows in WINDOWS}
    runs = []
    for kind in Kind:
        streams = [
            SyntheticStream(kind=kind, events=EVENTS, seed=seed, onset=ONSET)
            for seed in range(seeds)
        ]
        signals = [learned.signals(stream) for stream in streams]
        by_river = _river(signals, folder)
        for stream, seen, alarms in zip(streams, signals, by_river, strict=True):
            found = [*_watched(learned, limits, seen), *((n, 0, at) for n, at in alarms.items())]
            runs += [run_of(detector, rows, stream, at) for detector, rows, at in found]
        say(f"detection, {kind}: {seeds} streams of {EVENTS:,} events")
    return runs


def _watched(
    learned: Learned, limits: dict[int, DriftLimits], seen: Signals
) -> Iterable[tuple[str, int, list[int]]]:
    """Detector, rows of a window, and the events with which alarms are raised."""
    for rows, limit in limits.items():
        drift, performance = limit.over(seen), performance_over(learned, rows, seen)
        for detector, over, rule in (
            (DRIFT, drift, RULE),
            (DRIFT_ONCE, drift, ONE_WINDOW),
            (PERFORMANCE, performance, RULE),
            (PERFORMANCE_ONCE, performance, ONE_WINDOW),
        ):
            yield detector, rows, [(window + 1) * rows - 1 for window in raised(over, rule)]


def run_of(detector: str, window: int, stream: SyntheticStream, at: Sequence[int]) -> DetectionRun:
    """What a detector did that raised alarms with these events, from 0."""
    onset = stream.drift.onset_row
    before = stream.events if onset is None else onset
    after = [position - before + 1 for position in at if position >= before]
    return DetectionRun(
        detector,
        window,
        stream.kind,
        stream.seed,
        min(after, default=None),
        sum(position < before for position in at),
        before,
    )


def _river(signals: Sequence[Signals], folder: Path) -> list[dict[str, list[int]]]:
    """For each stream, the alarms of River's detectors."""
    sequences = {}
    for number, seen in enumerate(signals):
        for detector in ("adwin", "ddm"):
            sequences[f"{detector}/{number}/errors"] = seen.wrong.astype(np.float64)
        for name, values in seen.ranks.items():
            sequences[f"adwin/{number}/{name}"] = values
    file = folder / "sequences.npz"
    np.savez(file, **sequences)  # type: ignore[arg-type]
    command = python("benchmarks.contenders.river_detectors", str(file), interpreter=str(PEERS))
    output = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, check=True).stdout
    found = msgspec.json.decode(output, type=dict[str, list[int]])
    return [
        {
            ADWIN_ERRORS: found[f"adwin/{number}/errors"],
            DDM_ERRORS: found[f"ddm/{number}/errors"],
            ADWIN_FEATURES: sorted(
                {at for name in seen.ranks for at in found[f"adwin/{number}/{name}"]}
            ),
        }
        for number, seen in enumerate(signals)
    ]
