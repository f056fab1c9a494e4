"""What counts as flat."""

import numpy as np
import pytest

from benchmarks.soak.trends import trend

HOUR = np.arange(0, 3600, 10.0)


def memory(values: np.ndarray) -> bool:
    return trend("worker", "memory_mib", HOUR.tolist(), values.tolist()).flat


def test_noise_around_a_level_is_flat() -> None:
    assert memory(300 + np.random.default_rng(1).normal(0, 5, len(HOUR)))


def test_growth_during_the_warm_up_does_not_count() -> None:
    assert memory(np.where(HOUR < 700, HOUR / 2, 350))


def test_single_spikes_do_not_count() -> None:
    assert memory(np.where(HOUR % 500 == 0, 900, 300))


@pytest.mark.parametrize("mib_per_hour", [50, 500])
def test_a_leak_is_found_in_noise(mib_per_hour: float) -> None:
    noise = np.random.default_rng(1).normal(0, 5, len(HOUR))
    assert not memory(300 + HOUR / 3600 * mib_per_hour + noise)


def test_one_sample_is_no_trend() -> None:
    assert trend("worker", "threads", [0.0], [7.0]).flat
