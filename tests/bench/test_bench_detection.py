"""How soon drift is found: windows, alerts, and the page of it."""

from datetime import timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from benchmarks.detection.page import write_detection
from benchmarks.detection.runs import EVENTS, RULE, DetectionRun, run_of
from benchmarks.detection.signals import Learned, Signals
from benchmarks.detection.watching import DriftLimits, performance_over, raised
from producers.synthetic.drift import Kind
from producers.synthetic.stream import SyntheticStream

ROWS = 500


def signals(codes: np.ndarray, wrong: float = 0.1) -> Signals:
    rng = np.random.default_rng(5)
    label = rng.random(len(codes)) < 0.5
    probability = np.where(rng.random(len(codes)) < wrong, ~label, label).astype(float)
    return Signals({"a": codes}, {}, probability, label)


def learned() -> Learned:
    codes = np.random.default_rng(0).integers(0, 10, 20_000)
    return Learned(Pipeline([("none", None)]), {}, {"a": codes}, {}, 0.9)


def test_windows_of_the_reference_are_within_the_limit_and_others_are_not() -> None:
    limits = DriftLimits(learned(), ROWS, RULE)
    rng = np.random.default_rng(1)
    same, moved = rng.integers(0, 10, 40 * ROWS), rng.integers(3, 12, 2 * ROWS)
    over = limits.over(signals(np.concatenate([same, moved])))
    assert over[:40].sum() <= 2
    assert over[40:].all()


def test_performance_is_over_where_the_model_is_wrong_more_often() -> None:
    codes = np.zeros(2 * ROWS, dtype=np.int64)
    assert not performance_over(learned(), ROWS, signals(codes, wrong=0.08)).any()
    assert performance_over(learned(), ROWS, signals(codes, wrong=0.25)).all()


@pytest.mark.parametrize(
    ("over", "alerts"),
    [
        ("0000", []),
        ("0100", []),
        ("0101000", [3]),
        ("1100110", [1]),
        ("11000110", [1, 6]),
        ("1001001", []),
    ],
)
def test_an_alert_needs_two_of_three_windows_and_ends_when_three_were_fine(
    over: str, alerts: list[int]
) -> None:
    assert raised(np.array([sign == "1" for sign in over]), RULE) == alerts


def test_a_delay_is_counted_from_the_onset_and_what_came_before_is_a_false_alarm() -> None:
    stream = SyntheticStream(kind=Kind.ABRUPT, events=100, span=timedelta(days=1), onset=0.5)
    run = run_of("it", 10, stream, [9, 49, 69, 79])
    assert (run.delay, run.false_alarms, run.undrifted) == (20, 2, 50)
    still = run_of("it", 10, msgspec.structs.replace(stream, kind=Kind.STATIONARY), [9, 69])
    assert (still.delay, still.false_alarms, still.undrifted) == (None, 2, 100)


def test_the_page_tells_what_was_found_how_late_and_how_often_wrongly(tmp_path: Path) -> None:
    half = EVENTS // 2
    runs = [
        DetectionRun("drift", 1000, "abrupt", 0, 2000, 0, half),
        DetectionRun("drift", 1000, "abrupt", 1, None, 2, half),
        DetectionRun("drift", 1000, "stationary", 0, None, 1, EVENTS),
        DetectionRun("DDM on errors", 0, "abrupt", 0, 700, 1, half),
    ]
    page = write_detection(runs, tmp_path).read_text()
    assert "| drift | 1,000 | 50% | 2,000 (2,000–2,000) | 2 | 2 | 5.0 | 5.00 |" in page
    assert "| drift | 1,000 |  |  |  | 1 | 2.5 | 2.50 |" in page
    assert "| DDM on errors |  | 100% | 700 (700–700) |  | 1 | 5.0 |  |" in page
    assert (tmp_path / "detection.png").stat().st_size > 10_000
    kept = msgspec.json.decode((tmp_path / "detection.json").read_bytes(), type=list[DetectionRun])
    assert kept == runs
