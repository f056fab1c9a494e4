"""From single runs to the page that people read."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from benchmarks.contestants import BARE, BYTEWAX, EXACTLY_ONCE, WORKER
from benchmarks.end_to_end import EndToEndRun
from benchmarks.indexing import IndexingRun
from benchmarks.latency import LatencyRun
from benchmarks.machine import Machine
from benchmarks.outputs import Arrivals
from benchmarks.page import write_page
from benchmarks.results import Figure, Results, read, write
from benchmarks.swapping import LOADED, Arrival, SwapRun, longest_gap
from benchmarks.throughput import ThroughputRun

MACHINE = Machine(datetime(2026, 1, 1, tzinfo=UTC), "cpu", 2, 24.0, "Linux", "3.11", {}, 0.1)


def throughput(contestant: str, per_second: float, wrong: int = 0) -> ThroughputRun:
    return ThroughputRun("logistic", contestant, 1000, per_second, 10.0, 0, wrong)


def results() -> Results:
    found = Results(MACHINE)
    found.throughput = [
        throughput(WORKER.name, 90.0),
        throughput(WORKER.name, 110.0),
        throughput(WORKER.name, 95.0, wrong=3),
        throughput(EXACTLY_ONCE.name, 70.0),
        throughput(BARE.name, 100.0),
        throughput(BARE.name, 100.0),
        throughput(BARE.name, 50.0),
        throughput(BYTEWAX.name, 40.0),
    ]
    found.latency = [LatencyRun("logistic", WORKER.name, 1000.0, 10, 1.5, 5.0, 9.0, 7, 1000.0)]
    found.indexing = [IndexingRun("raw _bulk", 9, 50.0, 0.0), IndexingRun("indexer", 9, 40.0, 9.0)]
    found.swapping = [SwapRun(LOADED, 5.0, 12.0, 2005.0, 2012.0, 30.0, 20.0)]
    found.end_to_end = [EndToEndRun(100.0, 60.0, 6000, 6000, 0.5, 1.2, 10)]
    return found


def test_the_page_has_medians_ratios_and_what_was_not_reached(tmp_path: Path) -> None:
    page = write_page(results(), tmp_path).read_text()
    pace = "95 (90–110) | 10.0 (10.0–10.0) | 1.10 (0.90–1.90)"
    assert f"| Millrace worker, at least once | {pace} |" in page
    assert f"| {WORKER.name} | {BARE.name} | 1.10 (0.90–1.90) | 0.9 | yes |" in page
    assert f"| {EXACTLY_ONCE.name} | {BARE.name} | 0.70 (0.70–0.70) | 0.75 | **no** |" in page
    assert f"| {WORKER.name} | {BYTEWAX.name} | 2.25 (2.25–2.25) | 2 | yes |" in page
    assert "differ from the model's: 3;" in page
    assert "| indexer | 40 (40–40) | 9.0 (9.0–9.0) | 0.80 (0.80–0.80) |  |" in page
    assert "| 100 | 60 | 6,000 | 6,000 | 0.50 | 1.20 | 10 | yes |" in page
    swap = "5.0 (5.0–5.0) | 12.0 (12.0–12.0) | 2,005 (2,005–2,005) | 2,012 (2,012–2,012)"
    assert f"| {LOADED} | {swap} | 30 (30–30) | 20 (20–20) | 1.50 (1.50–1.50) | 0 (0–0) |" in page
    assert (tmp_path / "bench.png").stat().st_size > 10_000


def test_a_part_that_was_not_asked_for_is_not_on_the_page(tmp_path: Path) -> None:
    page = write_page(Results(MACHINE), tmp_path).read_text()
    assert "Throughput" not in page
    assert "Latency" not in page


def test_results_are_kept_as_they_are(tmp_path: Path) -> None:
    write(results(), tmp_path / "bench.json")
    assert read(tmp_path / "bench.json") == results()


def test_the_rate_is_that_between_the_first_and_the_last_tenth() -> None:
    # A slow beginning and a slow end, and in between 100 records every 10 ms.
    steady = 1000 + np.repeat(np.arange(100), 100) * 0.01
    times = np.concatenate([[990.0] * 500, steady, [1200.0] * 500])
    rate, begin, end = Arrivals(times, 0, 0).rate()
    assert rate == pytest.approx(10_000, rel=0.03)
    assert 1000 <= begin < end <= 1001


def test_a_gap_is_that_of_one_worker_whatever_the_other_does_meanwhile() -> None:
    one = [Arrival(9.9, at, "1", "a") for at in (0.0, 1.0, 1.5, 4.0, 4.1)]
    other = [Arrival(9.9, at / 10, "1", "b") for at in range(50)]
    both = sorted([*one, *other], key=lambda arrival: arrival.at)
    assert longest_gap(both, 1.1, 1.4) == 0.5
    assert longest_gap(both, 2.0, 3.0) == 2.5, "also where it began before and ends later"


def test_a_figure_is_a_median_with_its_extremes() -> None:
    assert Figure.of([3.0, 1.0, 2.0]) == Figure(2.0, 1.0, 3.0)


@pytest.mark.parametrize(("found", "backlog", "holds"), [(100, 5, True), (99, 0, False)])
def test_a_rate_holds_if_all_is_found_and_nothing_piles_up(
    found: int, backlog: int, holds: bool
) -> None:
    assert EndToEndRun(10.0, 10.0, 100, found, 0.1, 0.2, backlog).holds is holds
