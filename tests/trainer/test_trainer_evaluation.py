"""Figures are those of scikit-learn, and hold where it would give up."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from trainer.evaluation import best_threshold, classification_metrics, regression_metrics


def test_two_classes_are_judged_by_the_second_at_the_threshold() -> None:
    rng = np.random.default_rng(0)
    scores = rng.random(500)
    truth = rng.random(500) < scores
    figures = classification_metrics(
        truth, np.column_stack([1 - scores, scores]), [False, True], 0.3
    )
    assert figures["rows"] == 500
    assert figures["f1"] == pytest.approx(f1_score(truth, scores >= 0.3))
    assert figures["roc_auc"] == pytest.approx(roc_auc_score(truth, scores))
    assert figures["log_loss"] == pytest.approx(log_loss(truth, scores))


def test_several_classes_are_judged_by_their_mean() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([1, 1, 1], 300)
    truth = np.array(["a", "b", "c"], dtype=object)[rng.integers(0, 3, 300)]
    figures = classification_metrics(truth, probabilities, ["a", "b", "c"])
    area = roc_auc_score(truth, probabilities, multi_class="ovr", average="macro")
    assert figures["roc_auc"] == pytest.approx(area)


def test_a_class_the_model_never_saw_counts_as_wrong() -> None:
    truth = np.array(["a", "b", "new", "new"], dtype=object)
    sure = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    figures = classification_metrics(truth, sure, ["a", "b"])
    assert figures["accuracy"] == 0.5
    assert figures["log_loss"] > 10


def test_figures_that_the_rows_do_not_define_are_left_out() -> None:
    one_class = classification_metrics(
        np.array([True] * 4), np.array([[0.4, 0.6]] * 4), [False, True]
    )
    assert "roc_auc" not in one_class
    assert "r2" not in regression_metrics(np.array([1.0]), np.array([2.0]))


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
