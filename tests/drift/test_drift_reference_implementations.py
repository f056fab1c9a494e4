"""Our figures beside SciPy's, Evidently's and NannyML's of the same data.

The latter two stand in `reference_figures.json`, written by `make reference`. Where definitions
differ: Evidently bins numbers by Sturges' rule, so it is given our bins as categories; it writes
0.0001 for an empty share where we add half a row to each; its Jensen-Shannon distance has the
natural logarithm; neither counts gaps. NannyML's Kolmogorov-Smirnov is that of the values, ours
that at the edges of the bins; its CBPE calibrates each row, ours goes through 20 points.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drift.reference_data import CASES, answers, case, fingerprint
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2_contingency, ks_2samp

from contracts.drift_statistics import chi2_test, jensen_shannon, kolmogorov_smirnov, psi
from contracts.estimated_performance import (
    Scores,
    calibrate,
    estimated_accuracy,
    estimated_roc_auc,
)
from contracts.reference import Numbers
from trainer.reference.distributions import categories, numbers

WRITTEN: dict[str, Any] = json.loads(
    Path(__file__).with_name("reference_figures.json").read_text(encoding="utf-8")
)
PAIRS = [(name, column) for name, *_ in CASES for column in ("number", "gaps", "word")]


def counted(name: str, column: str) -> tuple[list[int], list[int]]:
    """Rows per bin of both sides, gaps left out."""
    before, now = case(name)[column]
    if column == "word":
        coded = categories(before)
        names = [*coded.distribution.counts]  # type: ignore[union-attr]
        return coded.distribution.bins[:-2], [now.count(one) for one in names]
    distribution = numbers(np.array(before, dtype=float), single=True).distribution
    assert isinstance(distribution, Numbers)
    known = np.array([one for one in now if one is not None]).astype(np.float32)
    codes = np.searchsorted(np.array(distribution.edges), known, side="right")
    return list(distribution.counts), np.bincount(codes, minlength=10).tolist()


def test_the_data_are_those_that_the_figures_were_made_of() -> None:
    assert fingerprint() == WRITTEN["fingerprint"], "run 'make reference'"


@pytest.mark.parametrize(("name", "column"), PAIRS)
def test_the_distances_are_those_of_evidently(name: str, column: str) -> None:
    theirs, (before, now) = WRITTEN["figures"][name][column]["evidently"], counted(name, column)
    # Half a row in each bin is worth more where rows are few.
    assert psi(before, now) == pytest.approx(theirs["psi"], rel=0.07, abs=2e-4)
    natural = jensen_shannon(before, now) * np.log(2) ** 0.5
    assert natural == pytest.approx(theirs["jensen_shannon_natural"], rel=1e-9)


@pytest.mark.parametrize("name", [name for name, *_ in CASES])
def test_words_are_as_far_apart_as_for_nannyml(name: str) -> None:
    theirs, (before, now) = WRITTEN["figures"][name]["word"]["nannyml"], counted(name, "word")
    assert jensen_shannon(before, now) == pytest.approx(theirs["jensen_shannon"], rel=1e-9)
    assert chi2_test(before, now)[0] == pytest.approx(theirs["chi2"], rel=1e-9)


@pytest.mark.parametrize("name", [name for name, *_ in CASES])
@pytest.mark.parametrize("column", ["number", "gaps"])
def test_bins_hide_little_of_the_distance_of_numbers(name: str, column: str) -> None:
    theirs = WRITTEN["figures"][name][column]["nannyml"]["kolmogorov_smirnov"]
    sides = [[v for v in side if v is not None] for side in case(name)[column]]
    exact = ks_2samp(*sides).statistic
    ours, _ = kolmogorov_smirnov(*counted(name, column))
    assert theirs == pytest.approx(exact, abs=0.01)
    assert exact - 0.05 <= ours <= exact + 1e-6


@pytest.mark.parametrize(("name", "column"), PAIRS)
def test_distances_and_tests_are_those_of_scipy(name: str, column: str) -> None:
    before, now = counted(name, column)
    assert jensen_shannon(before, now) == pytest.approx(jensenshannon(before, now, base=2))
    exact = chi2_contingency([before, now], correction=False)
    assert chi2_test(before, now) == pytest.approx((exact.statistic, exact.pvalue))
    values = [np.repeat(np.arange(len(side)), side) for side in (before, now)]
    of_values = ks_2samp(*values, method="asymp")
    distance, p_value = kolmogorov_smirnov(before, now)
    assert distance == pytest.approx(of_values.statistic)
    assert p_value == pytest.approx(of_values.pvalue, abs=0.03)


def test_nothing_beside_nothing_is_no_drift() -> None:
    assert jensen_shannon([0, 0], [1, 2]) == 0
    assert chi2_test([0, 0], [0, 3]) == (0.0, 1.0)
    assert kolmogorov_smirnov([0, 0], [1, 2]) == (0.0, 1.0)


def test_performance_is_estimated_as_by_nannyml() -> None:
    chance, answer, truth = (np.array(one) for one in answers(20_000, 0, 0.0))
    calibration = calibrate(chance, truth == 1, "yes")
    assert len(calibration.scores) <= 20
    assert list(calibration.observed) == sorted(calibration.observed)
    chance, answer, truth = (np.array(one) for one in answers(5000, 1, 1.0))
    scores = Scores(chance, np.ones(5000), answer == 1)
    accuracy, area = (
        estimated_accuracy(scores, calibration),
        estimated_roc_auc(scores, calibration),
    )
    assert accuracy == pytest.approx(WRITTEN["estimated"]["accuracy"], abs=0.01)
    assert area == pytest.approx(WRITTEN["estimated"]["roc_auc"], abs=0.01)
    assert accuracy == pytest.approx(np.mean(answer == truth), abs=0.015)


def test_scores_in_bins_estimate_what_scores_of_rows_do() -> None:
    chance, answer, truth = (np.array(one) for one in answers(20_000, 0, 0.0))
    calibration = calibrate(chance, truth == 1, "yes")
    rows = Scores(chance, np.ones(20_000), answer == 1)
    bins, place = np.unique(np.floor(chance * 100), return_inverse=True)
    means = np.bincount(place, chance) / np.bincount(place)
    binned = Scores(means, np.bincount(place).astype(float), bins >= 50)
    for estimate in (estimated_accuracy, estimated_roc_auc):
        assert estimate(binned, calibration) == pytest.approx(estimate(rows, calibration), abs=2e-3)
    equal = Scores(np.array([0.5]), np.array([100.0]), np.array([True]))
    assert estimated_roc_auc(equal, calibration) == pytest.approx(0.5)
