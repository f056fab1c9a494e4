"""Figures are those of scikit-learn, and hold where it would give up."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss, f1_score, log_loss, roc_auc_score

from contracts.evaluation import classification_metrics, outcome_metrics, regression_metrics
from contracts.events import Anomaly, Classification, Clustering, MultiOutput, Regression
from contracts.packages import Costs
from trainer.thresholds import best_threshold

YES_NO = ["no", "yes"]


def said(scores: NDArray[np.float64], threshold: float = 0.5) -> NDArray[np.object_]:
    return np.where(scores >= threshold, "yes", "no").astype(object)


def happened(truth: NDArray[np.bool_]) -> NDArray[np.object_]:
    return np.where(truth, "yes", "no").astype(object)


def test_two_classes_are_judged_by_the_second() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(500)
    truth = rng.random(500) < scores
    figures = classification_metrics(
        happened(truth), said(scores, 0.3), np.column_stack([1 - scores, scores]), YES_NO
    )
    assert figures["rows"] == 500
    assert figures["f1"] == pytest.approx(f1_score(truth, scores >= 0.3))
    assert figures["roc_auc"] == pytest.approx(roc_auc_score(truth, scores))
    assert figures["log_loss"] == pytest.approx(log_loss(truth, scores))
    assert figures["brier"] == pytest.approx(brier_score_loss(truth, scores))


def test_the_calibration_error_is_that_of_a_reliability_diagram() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(5000)
    for truth, least, most in (
        (rng.random(5000) < scores, 0.0, 0.05),
        (rng.random(5000) < scores**3, 0.15, 0.4),
    ):
        figures = classification_metrics(
            happened(truth), said(scores), np.column_stack([1 - scores, scores]), YES_NO
        )
        fraction, mean = calibration_curve(truth, scores, n_bins=10, strategy="quantile")
        assert figures["calibration_error"] == pytest.approx(abs(fraction - mean).mean(), abs=1e-3)
        assert least <= figures["calibration_error"] <= most


def test_several_classes_are_judged_by_their_mean() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1, 1, 1], 300)
    known = np.array(["a", "b", "c"], dtype=object)
    truth = known[rng.integers(0, 3, 300)]
    predicted = known[probabilities.argmax(axis=1)]
    figures = classification_metrics(truth, predicted, probabilities, ["a", "b", "c"])
    area = roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
    assert figures["roc_auc"] == pytest.approx(area)
    assert 0 < figures["brier"] < 2


def test_a_class_the_model_never_saw_counts_as_wrong() -> None:
    truth = np.array(["a", "b", "new", "new"], dtype=object)
    sure = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    predicted = np.array(["a", "b", "a", "b"], dtype=object)
    figures = classification_metrics(truth, predicted, sure, ["a", "b"])
    assert figures["accuracy"] == 0.5
    assert figures["log_loss"] > 10


def test_figures_that_the_rows_do_not_define_are_left_out() -> None:
    yes = np.array(["yes"] * 4, dtype=object)
    one_class = classification_metrics(yes, yes, np.array([[0.4, 0.6]] * 4), YES_NO)
    assert "roc_auc" not in one_class
    without = classification_metrics(yes, yes, None, YES_NO)
    assert without.keys() == {"rows", "accuracy", "precision", "recall", "f1"}
    assert "r2" not in regression_metrics(np.array([1.0]), np.array([2.0]))


def test_costs_are_those_of_a_mean_row() -> None:
    truth = np.array(["yes", "yes", "no", "no"], dtype=object)
    predicted = np.array(["no", "yes", "yes", "yes"], dtype=object)
    costs = Costs(false_positive=1.0, false_negative=10.0)
    assert classification_metrics(truth, predicted, None, YES_NO, costs)["cost"] == 12 / 4


def test_costs_by_class_are_those_of_a_mean_row_too() -> None:
    truth = np.array(["a", "a", "b", "c", "new"], dtype=object)
    predicted = np.array(["a", "b", "c", "a", "a"], dtype=object)
    costs = Costs(by_class={"a": {"b": 3.0}, "b": {"b": 0.5, "c": 0.0}, "c": {"a": 8.0}})
    figures = classification_metrics(truth, predicted, None, ["a", "b", "c"], costs)
    assert figures["cost"] == (0 + 3 + 0 + 8 + 1) / 5


def test_rows_without_an_answer_do_not_count() -> None:
    answers = [Regression(1.0), None, Regression(3.0)]
    figures = outcome_metrics(answers, {"y": [1.0, 5.0, 2.0]}, {})
    assert figures.pop("rmse") == pytest.approx(0.5**0.5)
    assert figures == {"rows": 2.0, "mae": 0.5, "bias": 0.5, "r2": -1.0}
    assert outcome_metrics([None], {"y": [1.0]}, {}) == {"rows": 0.0}


def test_several_targets_have_figures_of_their_own_and_means() -> None:
    answers = [MultiOutput({"a": Regression(1.0), "b": Regression(n)}) for n in (2.0, 4.0)]
    figures = outcome_metrics(answers, {"a": [1.0, 1.0], "b": [2.0, 2.0]}, {})
    assert (figures["a.mae"], figures["b.mae"], figures["mae"]) == (0.0, 1.0, 0.5)
    mixed = [MultiOutput({"a": Classification("yes", 0.7, {"no": 0.3, "yes": 0.7})})] * 2
    named = outcome_metrics(mixed, {"a": ["yes", "no"]}, {"a": ("no", "yes")})
    assert named["accuracy"] == 0.5


def test_without_truth_answers_are_counted() -> None:
    assert outcome_metrics([Clustering(0), Clustering(4), Clustering(0)], {}, {}) == {
        "rows": 3.0,
        "clusters": 2.0,
    }
    strange = [Anomaly(True, -0.1), Anomaly(False, 0.1)]
    assert outcome_metrics(strange, {}, {}) == {"rows": 2.0, "share_of_anomalies": 0.5}


def test_the_threshold_gives_the_best_f1_there_is() -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(2000) < 0.1
    scores = np.clip(0.1 + 0.2 * positive + rng.normal(0, 0.1, 2000), 0, 1)
    chosen = best_threshold(positive, scores)
    best = max(f1_score(positive, scores >= t) for t in np.unique(scores))
    assert f1_score(positive, scores >= chosen) == pytest.approx(best)
    assert chosen < 0.5


def test_the_threshold_is_not_chosen_by_chance() -> None:
    few = np.array([True] * 9 + [False] * 500)
    assert best_threshold(few, np.linspace(1, 0, 509)) == 0.5
    worthless = np.array([True, False] * 50)
    assert best_threshold(worthless, np.full(100, 0.2)) == 0.5


@pytest.mark.parametrize(("false_positive", "false_negative"), [(1, 1), (1, 20), (20, 1)])
def test_with_costs_the_threshold_is_the_cheapest_there_is(
    false_positive: float, false_negative: float
) -> None:
    rng = np.random.default_rng(0)
    positive = rng.random(2000) < 0.3
    scores = np.round(np.clip(0.4 + 0.2 * positive + rng.normal(0, 0.2, 2000), 0, 1), 2)
    costs = Costs(false_positive=false_positive, false_negative=false_negative)

    def cost(threshold: float) -> float:
        yes = scores >= threshold
        return float(
            (~positive & yes).sum() * false_positive + (positive & ~yes).sum() * false_negative
        )

    chosen = best_threshold(positive, scores, costs)
    assert cost(chosen) == min(cost(t) for t in (*np.unique(scores), 2.0))


def test_with_few_rows_the_costs_alone_decide() -> None:
    costs = Costs(false_positive=1, false_negative=4)
    assert best_threshold(np.array([True, False]), np.array([0.9, 0.1]), costs) == 0.2
