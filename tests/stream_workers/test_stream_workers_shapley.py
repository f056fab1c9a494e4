"""Shapley values add up to the answer, and are those of the shap library where it is exact."""

from itertools import permutations
from math import factorial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shap
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contracts.events import Anomaly, Classification, Explanation, Outcome, Regression
from contracts.feature_schema import Feature, FeatureSchema
from contracts.keys import generate_keys, load_trusted_keys
from contracts.model_store import ModelStore
from contracts.onnx_model import OnnxModel
from contracts.package_loading import load_scorer
from contracts.scorer import Columns, Scorer
from contracts.settings import Settings, load_settings
from stream_workers.shapley import explain
from trainer import Recipe, train

FEATURES = 5
BACKGROUND = 20
EVENTS = 12


@pytest.fixture
def numbers() -> np.ndarray[Any, Any]:
    """Independent features."""
    return np.random.default_rng(0).normal(size=(400, FEATURES))


@pytest.fixture
def offline(tmp_path: Path, no_variables: None) -> Settings:
    settings = load_settings(project_dir=tmp_path)
    generate_keys(settings.keys)
    return settings


def numeric(count: int) -> FeatureSchema:
    return FeatureSchema(tuple(Feature(f"f{number}", "numeric") for number in range(count)))


def explained(scorer: Scorer, background: Columns, events: Columns) -> list[Explanation]:
    answers = [answer for answer in scorer.predict(events) if answer is not None]
    found = [one for one in explain(scorer, background, events, answers) if one is not None]
    assert len(found) == len(answers)
    for one, answer in zip(found, answers, strict=True):
        assert one.base + sum(one.values.values()) == pytest.approx(number(answer), abs=1e-9)
    return found


def number(answer: Outcome) -> float | None:
    if isinstance(answer, Classification):
        return answer.confidence
    return answer.score if isinstance(answer, Anomaly) else answer.value  # type: ignore[union-attr]


def matrix(found: list[Explanation]) -> np.ndarray[Any, Any]:
    return np.array([list(one.values.values()) for one in found])


def test_a_forest_is_explained_as_by_shap(numbers: Any) -> None:
    # Trees of two splits: no more than two features act together, where the sample is exact.
    target = numbers[:, 0] * numbers[:, 1] + numbers[:, 2]
    forest = RandomForestRegressor(30, max_depth=2, random_state=0).fit(numbers, target)
    background, events = numbers[:BACKGROUND], numbers[-EVENTS:]
    found = explained(
        Scorer("regression", numeric(FEATURES), forest), background.T.tolist(), events.T.tolist()
    )
    theirs = shap.TreeExplainer(forest, background, feature_perturbation="interventional")
    assert matrix(found) == pytest.approx(theirs.shap_values(events), abs=1e-6)
    assert found[0].base == pytest.approx(float(theirs.expected_value))


def test_the_probability_of_the_class_that_was_answered_is_explained(numbers: Any) -> None:
    target = np.digitize(numbers[:, 0] + numbers[:, 1], [-0.7, 0.7])
    forest = RandomForestClassifier(30, max_depth=2, random_state=0).fit(numbers, target)
    background, events = numbers[:BACKGROUND], numbers[-EVENTS:]
    scorer = Scorer("classification", numeric(FEATURES), forest, ("0", "1", "2"))
    found = explained(scorer, background.T.tolist(), events.T.tolist())
    answered = forest.predict(events)
    assert len(set(answered)) == 3
    theirs = shap.TreeExplainer(forest, background, feature_perturbation="interventional")
    values = np.asarray(theirs.shap_values(events))
    wanted = np.array([values[row, :, label] for row, label in enumerate(answered)])
    assert matrix(found) == pytest.approx(wanted, abs=1e-6)


def test_a_linear_model_is_explained_as_by_shap(numbers: Any) -> None:
    target = numbers @ [1.0, -2.0, 0.0, 0.5, 3.0]
    pipeline = make_pipeline(StandardScaler(), LinearRegression()).fit(numbers, target)
    background, events = numbers[:BACKGROUND], numbers[-EVENTS:]
    scorer = Scorer("regression", numeric(FEATURES), pipeline)
    found = explained(scorer, background.T.tolist(), events.T.tolist())
    scaled = pipeline[:-1].transform
    theirs = shap.LinearExplainer(pipeline[-1], scaled(background))
    assert matrix(found) == pytest.approx(theirs.shap_values(scaled(events)), abs=1e-9)


def exact(predict: Any, background: Any, event: Any) -> list[float]:
    """Shapley values by their definition: over all orders of the features."""

    def worth(shown: tuple[int, ...]) -> float:
        rows = background.copy()
        rows[:, shown] = event[list(shown)]
        return float(predict(rows).mean())

    values = np.zeros(len(event))
    for order in permutations(range(len(event))):
        for step, feature in enumerate(order):
            values[feature] += worth(order[: step + 1]) - worth(order[:step])
    return list(values / factorial(len(event)))


def test_where_many_features_act_together_it_is_near_the_mean_of_all_orders(numbers: Any) -> None:
    def four_together(rows: Any) -> Any:
        return np.prod(rows[:, :4] > -0.3, axis=1) + rows[:, 4]

    class Together:
        predict = staticmethod(four_together)

    background, events = numbers[:BACKGROUND], numbers[-EVENTS:]
    scorer = Scorer("regression", numeric(FEATURES), Together())
    found = matrix(explained(scorer, background.T.tolist(), events.T.tolist()))
    wanted = np.array([exact(four_together, background, event) for event in events])
    of_four = np.sqrt(np.mean(wanted[:, :4] ** 2))
    assert np.sqrt(np.mean((found - wanted)[:, :4] ** 2)) < 0.2 * of_four


@pytest.mark.parametrize("estimator", ["linear", "forest", "boosting"])
def test_what_a_pipeline_encodes_is_explained_by_the_features_of_the_schema(
    offline: Settings, tmp_path: Path, estimator: str
) -> None:
    rng = np.random.default_rng(0)
    rows = 300
    table = pd.DataFrame(
        {
            "amount": np.where(rng.random(rows) < 0.1, np.nan, rng.lognormal(3, 1, rows)),
            "country": rng.choice(["NO", "SE", "DE", None], rows),  # type: ignore[arg-type]
            "member": rng.choice([True, False], rows),
            "review": [f"it was {w} item {n} indeed" for n, w in enumerate(["good", "bad"] * 150)],
            "at": pd.date_range("2026-01-01", periods=rows, freq="h", tz="UTC").astype(str),
        }
    )
    table["y"] = (table["amount"].fillna(0) > 25) & (table["country"] != "NO")
    table.to_parquet(tmp_path / "data.parquet")
    trained = train(
        Recipe(
            model="m",
            data=str(tmp_path / "data.parquet"),
            target="y",
            estimator=estimator,
            kinds={"review": "text", "at": "datetime"},
            importance=False,
        ),
        offline,
    )
    scorer, background = loaded(offline, trained.digest, "scikit-learn")
    events = scorer.schema.columns(
        [
            {"amount": 80.0, "country": "SE", "member": True, "review": "bad", "at": 1.77e9},
            {"amount": None, "country": None, "member": False, "review": "", "at": 1.77e9},
            {"amount": 80.0, "country": "nowhere", "member": True, "review": "x", "at": 1.77e9},
        ]
    )
    first, *_ = explained(scorer, scorer.schema.columns(background), events)
    assert set(first.values) == {"amount", "country", "member", "review", "at"}
    assert max(first.values, key=lambda name: abs(first.values[name])) in ("amount", "country")


def test_an_onnx_form_is_explained_as_scikit_learn(offline: Settings, tmp_path: Path) -> None:
    frame = load_iris(as_frame=True).frame
    frame.to_parquet(tmp_path / "data.parquet")
    recipe = Recipe(
        model="m", data=str(tmp_path / "data.parquet"), target="target", estimator="linear"
    )
    digest = train(recipe, offline).digest
    by_onnx, background = loaded(offline, digest, "auto")
    assert isinstance(by_onnx.estimator, OnnxModel)
    ground = by_onnx.schema.columns(background)
    events = [list(column) for column in frame.iloc[:, :4].to_numpy()[::15].T.tolist()]
    by_estimator, _ = loaded(offline, digest, "scikit-learn")
    ours, theirs = (explained(scorer, ground, events) for scorer in (by_onnx, by_estimator))
    assert matrix(ours) == pytest.approx(matrix(theirs), abs=1e-6)


def loaded(settings: Settings, digest: str, runtime: Any) -> tuple[Scorer, Any]:
    trusted = load_trusted_keys(settings.keys, "packages")
    package = ModelStore(settings.store_url).read("m", digest)
    manifest, scorer = load_scorer(
        package, digest=digest, environment="local", trusted=trusted, runtime=runtime
    )
    return scorer, manifest.background


def test_one_feature_has_all_of_it() -> None:
    class Double:
        def predict(self, inputs: Any) -> Any:
            return inputs[:, 0] * 2

    scorer = Scorer("regression", numeric(1), Double())
    [one] = explained(scorer, [[1.0, 3.0]], [[5.0]])
    assert one == Explanation(4.0, {"f0": 6.0})


def test_an_answer_that_is_no_number_on_the_way_is_not_explained() -> None:
    class Divides:
        def predict(self, inputs: Any) -> Any:
            with np.errstate(all="ignore"):
                return inputs[:, 0] / inputs[:, 1]

    scorer = Scorer("regression", numeric(2), Divides())
    found = explain(scorer, [[1.0], [0.0]], [[5.0, 6.0], [1.0, 2.0]], [Regression(5.0)] * 2)
    assert found == [None, None]


def test_many_features_are_walked_through_in_calls_of_bounded_size() -> None:
    cells: list[int] = []

    class Sums:
        def predict(self, inputs: Any) -> Any:
            cells.append(inputs.size)
            return inputs.sum(axis=1)

    count = 600
    scorer = Scorer("regression", numeric(count), Sums())
    found = explained(scorer, [[0.0] * 8] * count, [[1.0, 2.0]] * count)
    assert found[1].values == pytest.approx(dict.fromkeys(scorer.schema.names, 2.0))
    assert max(cells) <= 2_000_000
