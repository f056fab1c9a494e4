"""Rising rates until one does not hold."""

import pytest

from benchmarks.latency import LatencyRun, sweep


def run(rate: float, p99: float = 5.0, late: int = 0, reached: float | None = None) -> LatencyRun:
    return LatencyRun("logistic", "it", rate, 10, 1.0, p99, p99, late, reached or rate)


def test_a_rate_holds_if_all_is_answered_soon_and_all_was_sent() -> None:
    assert run(100.0).holds
    assert not run(100.0, p99=1500.0).holds
    assert not run(100.0, late=1).holds
    assert not run(100.0, reached=90.0).holds


def test_the_highest_rate_that_holds_is_found() -> None:
    highest, runs = sweep(10.0, 100.0, lambda rate: run(rate, late=int(rate > 30)))
    assert highest == 30.0
    assert [one.per_second for one in runs] == [10.0, 20.0, 30.0, 40.0, 40.0]


def test_a_rate_that_failed_once_is_tried_again() -> None:
    tries: list[float] = []

    def measure_at(rate: float) -> LatencyRun:
        tries.append(rate)
        return run(rate, late=int(tries == [10.0]))

    highest, runs = sweep(10.0, 20.0, measure_at)
    assert highest == 20.0
    assert tries == [10.0, 10.0, 20.0]
    assert [one.holds for one in runs] == [False, True, True]


@pytest.mark.parametrize("most", [25.0, 20.0])
def test_a_sweep_ends_at_the_most_it_may_try(most: float) -> None:
    highest, runs = sweep(10.0, most, run)
    assert (highest, len(runs)) == (20.0, 2)
