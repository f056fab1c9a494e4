"""Limits of drift: as rarely wrong as was asked for, blind to no shift of a size that matters."""

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.drift_statistics import (
    TimeSpread,
    degrees_of_freedom,
    pooled,
    psi,
    psi_excess,
    psi_limit,
    rate_limit,
    time_spread,
    upper_rate,
)

SHARE = 0.05
WINDOWS = 1500
STEADY = TimeSpread()
DECILES = np.r_[np.full(10, 0.099), 0.01]
CATEGORIES = 1 / np.arange(1, 52) ** 1.2


def over(reference: NDArray[np.intp], window: NDArray[np.intp], time: TimeSpread = STEADY) -> bool:
    one, other = pooled(reference, window)
    return psi(one, other) > psi_limit(one, window.sum(), time, SHARE)


def share_over(before: NDArray[np.float64], now: NDArray[np.float64], rows: int, n: int) -> float:
    """Of windows whose rows come independently, each beside a reference of its own."""
    generator = np.random.default_rng(0)
    references = generator.multinomial(rows, before / before.sum(), WINDOWS)
    windows = generator.multinomial(n, now / now.sum(), WINDOWS)
    return float(np.mean([over(*pair) for pair in zip(references, windows, strict=True)]))


@pytest.mark.parametrize("shares", [DECILES, CATEGORIES], ids=["numbers", "categories"])
@pytest.mark.parametrize("rows", [1000, 50_000])
@pytest.mark.parametrize("n", [200, 1000, 10_000])
def test_as_many_alarms_without_drift_as_were_allowed(
    shares: NDArray[np.float64], rows: int, n: int
) -> None:
    assert SHARE / 2 < share_over(shares, shares, rows, n) < SHARE * 2


@pytest.mark.parametrize("n", [200, 10_000])
def test_rare_values_are_no_reason_for_more_alarms(n: int) -> None:
    rare = np.array([0.999, 0.001])
    assert share_over(rare, rare, 20_000, n) < SHARE * 2


@pytest.mark.parametrize(("n", "moved"), [(200, 0.25), (1000, 0.11), (10_000, 0.045)])
def test_a_shift_of_that_many_standard_deviations_is_found_in_most_windows(
    n: int, moved: float
) -> None:
    """A window of 1,000 rows shows a mean that moved by a ninth of the spread."""
    generator = np.random.default_rng(1)
    edges = np.quantile(generator.normal(size=100_000), np.linspace(0.1, 0.9, 9))

    def bins(values: NDArray[np.float64]) -> NDArray[np.intp]:
        return np.bincount(np.searchsorted(edges, values, side="right"), minlength=10)

    reference = bins(generator.normal(size=50_000))
    found = [over(reference, bins(generator.normal(moved, 1, n))) for _ in range(200)]
    assert np.mean(found) > 0.5


def spread(reference: NDArray[np.intp], blocks: NDArray[np.intp]) -> TimeSpread:
    excesses = [psi_excess(reference, block) for block in blocks]
    return time_spread(excesses, degrees_of_freedom(reference))


def weather(generator: np.random.Generator, days: int, each: int) -> NDArray[np.intp]:
    """Rows per day and bin: all rows of a day share most of their number."""
    level = np.zeros(days)
    for day in range(1, days):
        level[day] = 0.6 * level[day - 1] + generator.normal(0, 0.8)
    values = level[:, None] + generator.normal(0, 0.5, (days, each))
    codes = np.searchsorted(np.linspace(-2, 2, 9), values, side="right")
    return np.array([np.bincount(row, minlength=10) for row in codes])


def test_weather_that_stays_for_days_is_no_drift() -> None:
    """With the stretches of the training data as a measure hardly any week is over the limit;
    taken for independent nearly every one is."""
    generator = np.random.default_rng(2)
    with_tau, without = [], []
    for _ in range(40):
        days = weather(generator, 120, 100)
        training, weeks = days[:70], days[70:119].reshape(7, 7, 10).sum(axis=1)
        reference = training.sum(axis=0)
        blocks = training.reshape(10, 7, 10).sum(axis=1)
        time = spread(reference, blocks)
        with_tau += [over(reference, week, time) for week in weeks]
        without += [over(reference, week) for week in weeks]
    assert np.mean(without) > 0.9
    assert np.mean(with_tau) < SHARE * 2.5


def test_a_feature_that_changes_for_good_is_found_in_weather_too() -> None:
    generator = np.random.default_rng(3)
    days = weather(generator, 77, 100)
    reference = days[:70].sum(axis=0)
    blocks = days[:70].reshape(10, 7, 10).sum(axis=1)
    time = spread(reference, blocks)
    stuck = np.zeros(10, dtype=np.intp)
    stuck[7] = 700  # a sensor that tells one value
    assert over(reference, stuck, time)


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.3])
@pytest.mark.parametrize("n", [200, 10_000])
def test_a_rate_of_gaps_is_over_its_limit_as_rarely_as_allowed_and_found_when_it_grows(
    rate: float, n: int
) -> None:
    generator = np.random.default_rng(4)
    limit = rate_limit(upper_rate(rate * 50_000, 50_000), n, SHARE)
    before = generator.binomial(n, rate, 5000) / n
    after = generator.binomial(n, rate + 0.1, 5000) / n
    assert np.mean(before > limit) < SHARE * 1.2
    assert np.mean(after > limit) > 0.8
