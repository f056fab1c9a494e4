"""The pipelines take what an event may bring, and `auto` chooses by the data's size."""

from typing import Any

import numpy as np
import pytest

from contracts.events import Classification, FeatureValue
from contracts.feature_schema import Feature, FeatureSchema
from contracts.scorer import Columns, Scorer
from trainer.estimators import EstimatorKind, build_pipeline, choose_estimator

ROWS = 2000
SCHEMA = FeatureSchema((Feature("size", "numeric"), Feature("place", "categorical", nullable=True)))


def fitted(kind: EstimatorKind, columns: Columns, target: list[Any]) -> Scorer:
    pipeline = build_pipeline(kind, "classification", SCHEMA, 0)
    inputs = Scorer("classification", SCHEMA, pipeline).inputs(columns)
    pipeline.fit(inputs, np.array(target))
    return Scorer("classification", SCHEMA, pipeline, ("false", "true"))


def probability(scorer: Scorer, size: float, place: FeatureValue) -> float:
    outcome = scorer.predict([[size], [place]])[0]
    assert isinstance(outcome, Classification)
    return outcome.probabilities["true"]


@pytest.mark.parametrize("kind", ["linear", "forest", "boosting"])
def test_more_categories_than_bins(kind: EstimatorKind) -> None:
    rng = np.random.default_rng(0)
    places: list[FeatureValue] = [f"place {i % 400}" for i in range(ROWS)]
    sizes: list[FeatureValue] = rng.normal(size=ROWS).tolist()
    scorer = fitted(kind, [sizes, places], [bool(size and size > 0) for size in sizes])
    assert probability(scorer, 2.0, "place 399") > 0.5
    assert probability(scorer, -2.0, "never seen") < 0.5


def test_boosting_takes_text_for_categories_without_an_order() -> None:
    """Every other place is true: few splits can say that of categories, none of an order."""
    names = [f"{chr(97 + i)}" for i in range(26)]
    places: list[FeatureValue] = [names[i % 26] for i in range(ROWS)]
    target = [i % 26 % 2 == 0 for i in range(ROWS)]
    scorer = fitted("boosting", [[0.0] * ROWS, places], target)
    boosting = scorer.estimator[-1]  # type: ignore[index]
    assert boosting.is_categorical_.tolist() == [True, False]
    assert probability(scorer, 0.0, "a") > 0.9 > 0.1 > probability(scorer, 0.0, "b")


@pytest.mark.parametrize("kind", ["linear", "forest", "boosting"])
def test_a_gap_in_a_text_is_a_category_of_its_own(kind: EstimatorKind) -> None:
    places: list[FeatureValue] = ["a", "b", None, "c"] * (ROWS // 4)
    scorer = fitted(kind, [[0.0] * ROWS, places], [place is None for place in places])
    assert probability(scorer, 0.0, None) > 0.9
    for other in ("a", "b", "c", "never seen"):
        assert probability(scorer, 0.0, other) < 0.5


@pytest.mark.parametrize(
    ("choice", "rows", "classes", "kind"),
    [
        ("auto", 999, 2, "linear"),
        ("auto", 1000, 2, "boosting"),
        ("auto", 1000, 0, "boosting"),
        ("auto", 5000, 21, "linear"),
        ("forest", 20, 2, "forest"),
    ],
)
def test_auto_chooses_by_rows_and_classes(choice: Any, rows: int, classes: int, kind: str) -> None:
    assert choose_estimator(choice, "classification", rows, classes)[0] == kind
