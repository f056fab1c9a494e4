"""How far two distributions are apart, and how far is too far: pure functions of counts per bin.

All take the counts of the reference and of the window over the same B bins.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import beta, binom, chi2, chi2_contingency, f, kstwobign

Counts = Sequence[float] | NDArray[Any]

_SMOOTHING = 0.5
"""Added to every bin of both sides, so that an empty one has a logarithm (Jeffreys' prior)."""
_SURE = 0.05
"""How likely a rate of the reference is above its upper bound."""
_FEWEST_EXPECTED = 5
"""Rows of a bin without which a chi-squared distribution is no approximation (Cochran 1954)."""


class TimeSpread(Struct, frozen=True, kw_only=True):
    """How much stretches of time differ without drift: rows of one week have one weather.

    Args:
        tau: what a stretch as long as a window adds to its PSI by itself, on average.
        freedom: of how many independent squares that is a sum: a cold week moves all bins at once.
        blocks: how many stretches say so.
    """

    tau: float = 0.0
    freedom: float = 1.0
    blocks: int = 0


def pooled(reference: Counts, window: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both counts with the rare bins put together into one, which is the last.

    Rare is what the shares of both together let expect fewer than five rows of in the smaller one.
    Without it limits of many categories would be far off: 50 of them in 200 rows were over a
    limit of 5 % in 0.05 % of windows.
    """
    one, other = _array(reference), _array(window)
    rows, both = min(one.sum(), other.sum()), one + other
    rare = both * rows < _FEWEST_EXPECTED * both.sum()
    if rare.sum() < 2:
        return one, other
    first, second = (np.append(counts[~rare], counts[rare].sum()) for counts in (one, other))
    return first, second


def psi(reference: Counts, window: Counts) -> float:
    """Population stability index, natural logarithm, smoothed by 0.5 per bin.

    Siddiqi 2006, Credit Risk Scorecards; the symmetric divergence of Jeffreys 1946.
    """
    p, q = _smoothed(reference), _smoothed(window)
    return float(np.sum((p - q) * np.log(p / q)))


def jensen_shannon(reference: Counts, window: Counts) -> float:
    """Jensen-Shannon distance, base 2: 0 equal, 1 nothing in common (Lin 1991; the square root of
    the divergence is a metric, Endres and Schindelin 2003)."""
    if not np.sum(reference) or not np.sum(window):
        return 0.0
    found = float(jensenshannon(_array(reference), _array(window), base=2))
    return 0.0 if np.isnan(found) else found  # rounding below 0


def chi2_test(reference: Counts, window: Counts) -> tuple[float, float]:
    """Pearson's test of homogeneity, without a correction, over the bins that have any row.

    Returns:
        The statistic and its p value; (0, 1) where there is nothing to compare.
    """
    table = np.vstack([_array(reference), _array(window)])
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 0.0, 1.0
    found = chi2_contingency(table, correction=False)
    return float(found.statistic), float(found.pvalue)


def kolmogorov_smirnov(reference: Counts, window: Counts) -> tuple[float, float]:
    """Two-sample Kolmogorov-Smirnov over ordered bins.

    The greatest difference of the cumulative shares at the edges is at most that of the values
    themselves, so the asymptotic p value (Smirnov 1948) errs on the side of no drift.

    Returns:
        The statistic and its p value; (0, 1) where there is nothing to compare.
    """
    one, other = _array(reference), _array(window)
    n, m = one.sum(), other.sum()
    if not n or not m:
        return 0.0, 1.0
    distance = float(np.abs(np.cumsum(one) / n - np.cumsum(other) / m).max())
    return distance, float(kstwobign.sf(distance * np.sqrt(n * m / (n + m))))


def degrees_of_freedom(reference: Counts) -> int:
    """Of a PSI: the bins that the reference fills but one, at least 1."""
    return max(1, int(np.count_nonzero(_array(reference))) - 1)


def psi_excess(reference: Counts, block: Counts) -> float:
    """How much greater the PSI of a block of the reference to the other rows is than it would be
    if rows were independent; `reference` has the rows of the block too.

    Under no drift PSI * (1/n + 1/N)^-1 is about chi-squared with B-1 degrees of freedom (Yurdakul
    2018, Statistical Properties of Population Stability Index), whose mean is B-1.
    """
    rest = _array(reference) - _array(block)
    n, others = float(np.sum(block)), float(rest.sum())
    if not n or not others:
        return 0.0
    return psi(rest, block) - degrees_of_freedom(reference) * (1 / n + 1 / others)


def time_spread(excesses: Sequence[float], most_freedom: int) -> TimeSpread:
    """What stretches of time add to the PSI by themselves, from the excess of each block.

    Args:
        most_freedom: degrees of freedom of the signal itself.
    """
    if not len(excesses):
        return TimeSpread()
    tau, freedom = max(0.0, float(np.mean(excesses))), float(most_freedom)
    variance = float(np.var(excesses, ddof=1)) if len(excesses) > 1 else 0.0
    if tau and variance:
        freedom = min(freedom, max(1.0, 2 * tau**2 / variance))
    return TimeSpread(tau=tau, freedom=freedom, blocks=len(excesses))


def psi_limit(
    reference: Counts,
    window_rows: float,
    time: TimeSpread,
    false_alarms: float,
    tests: int = 1,
) -> float:
    """The PSI that a window without drift exceeds hardly ever.

    The quantile of Yurdakul's distribution for rows that are independent, plus what time adds: a
    sum of few squares too (Satterthwaite 1946), whose mean is known from as many blocks only, so
    the quantile is that of an F distribution.

    Args:
        false_alarms: share of windows in which any of `tests` signals may be over. Chance is each
            signal's own, so each gets its part (Bonferroni); time is one for all of them.
    """
    free = degrees_of_freedom(reference)
    rows = 1 / window_rows + 1 / float(np.sum(reference))
    chance = float(chi2.isf(false_alarms / tests, free)) * rows
    if not time.tau:
        return chance
    return chance + time.tau * float(f.isf(false_alarms, time.freedom, time.freedom * time.blocks))


def upper_rate(count: float, rows: float) -> float:
    """The rate that `count` of `rows` may stand for at most (Clopper and Pearson 1934, 95 %)."""
    return 1.0 if count >= rows else float(beta.ppf(1 - _SURE, count + 1, rows - count))


def rate_limit(rate: float, window_rows: int, share: float) -> float:
    """The share of a window's rows that a rate exceeds in at most `share` of all cases: one-sided
    binomial, half a row above what is still allowed."""
    return (float(binom.ppf(1 - share, window_rows, min(1.0, rate))) + 0.5) / window_rows


def _smoothed(counts: Counts) -> NDArray[np.float64]:
    smoothed = _array(counts) + _SMOOTHING
    return np.asarray(smoothed / smoothed.sum())


def _array(counts: Counts) -> NDArray[np.float64]:
    return np.asarray(counts, dtype=np.float64)
