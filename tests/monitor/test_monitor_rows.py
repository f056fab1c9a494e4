"""Resampled figures are those of `contracts.evaluation`, and their intervals tell how sure they
are."""

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.evaluation import classification_metrics, regression_metrics
from contracts.packages import Costs, Metrics
from elk.performance.intervals import bootstrap
from elk.performance.rows import ClassificationRows, RegressionRows, SeveralRows

COSTS = Costs(false_positive=1.0, false_negative=5.0)
BY_CLASS = Costs(by_class={"a": {"b": 3.0}, "no": {"yes": 2.5}, "yes": {"yes": 0.5}})


def drawn(count: int) -> NDArray[np.int64]:
    return np.random.default_rng(7).integers(0, count, count)


def weights_of(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return np.bincount(rows, minlength=count)


def without_rows(metrics: Metrics) -> Metrics:
    return {name: value for name, value in metrics.items() if name != "rows"}


@pytest.mark.parametrize("costs", [COSTS, BY_CLASS], ids=["costs of two kinds", "costs by class"])
@pytest.mark.parametrize("classes", [("no", "yes"), ("a", "b", "c"), ("a", "b", "c", "d", "e")])
def test_a_resample_of_a_classifier_has_the_figures_of_its_rows(
    classes: tuple[str, ...], costs: Costs
) -> None:
    rng, count = np.random.default_rng(0), 400
    # Rounded, so that there are ties.
    probabilities = rng.dirichlet(np.ones(len(classes)), count).round(1)
    # One class that the model does not know.
    known = np.array([*classes, "unheard of"], dtype=object)
    truth = known[rng.integers(0, len(known), count)]
    predicted = np.array(classes, dtype=object)[probabilities.argmax(axis=1)]
    rows = ClassificationRows(list(truth), list(predicted), probabilities, classes, costs)
    for which in (np.arange(count), drawn(count)):
        expected = classification_metrics(
            truth[which], predicted[which], probabilities[which], classes, costs
        )
        found = rows.figures(weights_of(which, count))
        calibration = found.pop("calibration_error")
        # Within a tie the order of rows, and so what falls into which bin, is anybody's.
        assert calibration == pytest.approx(expected.pop("calibration_error"), abs=0.05)
        assert found == pytest.approx(without_rows(expected))


def test_bins_of_calibration_are_those_of_the_evaluation() -> None:
    rng, count = np.random.default_rng(0), 500
    sure = rng.random(count)
    truth = np.where(rng.random(count) < sure**2, "yes", "no").astype(object)
    predicted = np.where(sure >= 0.5, "yes", "no").astype(object)
    both = np.column_stack([1 - sure, sure])
    rows = ClassificationRows(list(truth), list(predicted), both, ("no", "yes"))
    which = drawn(count)
    expected = classification_metrics(truth[which], predicted[which], both[which], ("no", "yes"))
    found = rows.figures(weights_of(which, count))
    assert found["calibration_error"] == pytest.approx(expected["calibration_error"])


def test_a_classifier_without_probabilities_has_figures_of_its_answers() -> None:
    rows = ClassificationRows(["a", "b", "b"], ["a", "a", "b"], None, ("a", "b"))
    assert set(rows.figures(np.ones(3, dtype=np.int64))) == {
        "accuracy",
        "precision",
        "recall",
        "f1",
    }


def test_a_resample_of_a_regression_has_the_figures_of_its_rows() -> None:
    rng, count = np.random.default_rng(0), 300
    truth = rng.normal(1e6, 3, count)
    said = truth + rng.normal(0.5, 1, count)
    rows = RegressionRows(truth, said)
    for which in (np.arange(count), drawn(count)):
        expected = without_rows(regression_metrics(truth[which], said[which]))
        assert rows.figures(weights_of(which, count)) == pytest.approx(expected)


def test_several_targets_have_figures_each_and_means() -> None:
    one = RegressionRows(np.array([1.0, 2.0]), np.array([2.0, 2.0]))
    other = RegressionRows(np.array([1.0, 2.0]), np.array([1.0, 5.0]))
    figures = SeveralRows({"one": one, "other": other}).figures(np.ones(2, dtype=np.int64))
    assert (figures["one.mae"], figures["other.mae"], figures["mae"]) == (0.5, 1.5, 1.0)


def test_an_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    rng, held, tries = np.random.default_rng(0), 0, 40
    for _ in range(tries):
        right = rng.random(300) < 0.8
        rows = ClassificationRows(["a"] * 300, ["a" if r else "b" for r in right], None, ("a", "b"))
        low, high = bootstrap(rows)
        held += low["accuracy"] <= 0.8 <= high["accuracy"]
    assert 35 <= held <= 40


def test_the_same_rows_have_the_same_interval() -> None:
    truth = np.random.default_rng(0).normal(size=50)
    assert bootstrap(RegressionRows(truth, truth * 2)) == bootstrap(
        RegressionRows(truth, truth * 2)
    )


def test_a_label_beyond_all_others_leaves_only_figures_that_are_numbers() -> None:
    """What is no number is refused by Elasticsearch, and with it the whole document."""
    low, high = bootstrap(RegressionRows(np.array([1.0, 2.0, 1e300]), np.array([1.0, 3.0, 2.0])))
    assert {"mae", "bias"} <= low.keys() == high.keys()
    assert np.isfinite([*low.values(), *high.values()]).all()


def test_a_figure_that_no_resample_defines_has_no_interval() -> None:
    sure = np.array([[0.4, 0.6], [0.1, 0.9]])
    rows = ClassificationRows(["yes", "yes"], ["yes", "yes"], sure, ("no", "yes"))
    low, high = bootstrap(rows)
    assert "roc_auc" not in low
    assert "log_loss" in high
