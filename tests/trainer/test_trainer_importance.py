"""A version says what each of its features is worth, measured on rows that it never saw."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from contracts.packages import Importance, Manifest
from contracts.settings import Settings
from trainer import Recipe, train
from trainer.background import MOST_BYTES, background_rows

ROWS = 900


@pytest.fixture
def data(tmp_path: Path) -> str:
    """Times, two things that matter (a number and a word), one that does not, and targets."""
    rng = np.random.default_rng(0)
    size, noise = rng.normal(size=(2, ROWS))
    colour = rng.choice(["red", "green", "blue"], ROWS)
    value = size + 2.0 * (colour == "red")
    table = pd.DataFrame(
        {
            "at": pd.date_range("2026-01-01", periods=ROWS, freq="h"),
            "size": size,
            "colour": colour,
            "noise": noise,
            "value": value,
            "big": value > 0.7,
            "small": np.where(value < -0.5, "yes", "no"),
        }
    )
    path = tmp_path / "data.parquet"
    table.to_parquet(path)
    return str(path)


def manifest(settings: Settings, data: str, **options: Any) -> Manifest:
    targets = options.get("target", ())
    kept = {targets} if isinstance(targets, str) else {*targets}
    exclude = tuple({"value", "big", "small"} - kept)
    return train(Recipe(model="m", data=data, exclude=exclude, **options), settings).manifest


def measured(made: Manifest) -> Importance:
    assert made.importance is not None, made.why_no_importance
    return made.importance


@pytest.mark.parametrize(
    ("target", "metric", "estimator"),
    [
        ("big", "roc_auc", "linear"),
        ("big", "roc_auc", "boosting"),
        ("value", "r2", "forest"),
        (("big", "small"), "roc_auc", "linear"),
    ],
)
def test_what_decides_is_worth_most_and_noise_nothing(
    offline: Settings, data: str, target: Any, metric: str, estimator: str
) -> None:
    found = measured(manifest(offline, data, target=target, estimator=estimator))
    assert (found.metric, found.rows) == (metric, ROWS // 5)
    assert found.features.keys() == {"size", "colour", "noise"}
    worth = {name: one.mean for name, one in found.features.items()}
    assert min(worth["size"], worth["colour"]) > 0.05
    assert abs(worth["noise"]) < 0.05
    assert all(one.spread >= 0 for one in found.features.values())


@pytest.mark.parametrize(
    ("task", "metric"),
    [("clustering", "share_of_changed_clusters"), ("anomaly", "mean_change_of_score")],
)
def test_without_a_target_it_is_how_much_the_answers_change(
    offline: Settings, data: str, task: str, metric: str
) -> None:
    found = measured(manifest(offline, data, task=task))
    assert found.metric == metric
    assert all(one.mean >= 0 for one in found.features.values())
    assert max(one.mean for one in found.features.values()) > 0


def test_a_model_that_was_fitted_on_all_rows_is_measured_before_that(
    offline: Settings, tmp_path: Path
) -> None:
    # Nothing explains the target: only a model that knows the rows by heart misses a feature.
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.random(600), "y": rng.random(600)})
    table.to_parquet(tmp_path / "noise.parquet")
    recipe = Recipe(
        model="m",
        data=str(tmp_path / "noise.parquet"),
        target="y",
        estimator="forest",
        final_fit="all",
    )
    assert measured(train(recipe, offline).manifest).features["a"].mean < 0.3


def test_a_recipe_can_do_without(offline: Settings, data: str) -> None:
    made = manifest(offline, data, target="big", importance=False)
    assert made.importance is None
    assert made.why_no_importance == "the recipe says importance = false"


def test_the_background_is_some_of_the_rows_that_the_model_learned_from(
    offline: Settings, data: str
) -> None:
    rows = manifest(offline, data, target="big").background
    table = pd.read_parquet(data)
    assert len(rows) == 30
    learned = set(table["noise"][: ROWS * 4 // 5])
    assert {row["noise"] for row in rows} <= learned
    assert rows[0].keys() == {"size", "colour", "noise"}


@pytest.mark.parametrize("characters", [1_000, 40_000, 2 * MOST_BYTES])
def test_the_background_of_long_texts_is_smaller(characters: int) -> None:
    texts: list[Any] = ["x" * characters] * 100
    rows = background_rows(["review"], [texts], np.arange(100))
    assert len(msgspec.json.encode(rows)) <= MOST_BYTES
    assert len(rows) == min(30, MOST_BYTES // (characters + 20))
