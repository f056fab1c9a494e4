"""Data of every kind becomes a version that answers through the path that serves."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris

from contracts.errors import ConfigurationError, UsageError
from contracts.events import Classification, FeatureValue, Outcome, Regression
from contracts.keys import load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.scorer import Scorer
from contracts.settings import Settings, load_settings
from trainer import Recipe, TrainedVersion, train

ESTIMATORS = ("linear", "forest", "boosting")


def write(frame: pd.DataFrame, folder: Path) -> str:
    path = folder / "data.parquet"
    frame.to_parquet(path)
    return str(path)


def served(trained: TrainedVersion, settings: Settings) -> Scorer:
    package = ModelStore(settings.store_url).read(trained.model, trained.digest)
    trusted = load_trusted_keys(settings.keys, "packages")
    return load_scorer(package, digest=trained.digest, environment="local", trusted=trusted)[1]


def answer(scorer: Scorer, row: dict[str, FeatureValue]) -> Outcome | None:
    columns = scorer.schema.columns([row])
    assert scorer.schema.problems(columns) == {}
    return scorer.predict(columns)[0]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_two_classes_with_numbers_only(offline: Settings, tmp_path: Path, estimator: str) -> None:
    data = write(load_breast_cancer(as_frame=True).frame, tmp_path)
    trained = train(Recipe(model="m", data=data, target="target", estimator=estimator), offline)  # type: ignore[arg-type]
    assert trained.manifest.classes == ("0", "1")
    assert trained.manifest.threshold is not None
    assert trained.manifest.metrics["test"]["roc_auc"] > 0.95
    assert trained.manifest.metrics["validation"]["f1"] > 0.9
    assert trained.manifest.metrics["test"]["rows"] == pytest.approx(569 / 5, abs=2)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_quantity(offline: Settings, tmp_path: Path, estimator: str) -> None:
    data = write(load_diabetes(as_frame=True).frame, tmp_path)
    trained = train(Recipe(model="m", data=data, target="target", estimator=estimator), offline)  # type: ignore[arg-type]
    assert trained.manifest.task == "regression"
    assert trained.manifest.metrics["test"]["r2"] > 0.2
    assert trained.manifest.metrics["test"]["mae"] < 60
    sample = trained.manifest.golden[0]
    assert isinstance(answer(served(trained, offline), sample.features), Regression)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize(
    ("named", "classes"),
    [
        (lambda code: ["setosa", "versicolor", "virginica"][code], None),
        (lambda code: int(code) * 9 + 2, ("2", "11", "20")),
    ],
)
def test_several_classes_of_text_and_of_whole_numbers(
    offline: Settings,
    tmp_path: Path,
    estimator: str,
    named: Callable[[int], object],
    classes: tuple[str, ...] | None,
) -> None:
    frame = load_iris(as_frame=True).frame
    frame["target"] = frame["target"].map(named)
    data = write(frame, tmp_path)
    trained = train(Recipe(model="m", data=data, target="target", estimator=estimator), offline)  # type: ignore[arg-type]
    assert trained.manifest.classes == (classes or ("setosa", "versicolor", "virginica"))
    assert trained.manifest.threshold is None
    assert trained.manifest.metrics["test"]["accuracy"] > 0.8
    outcome = answer(served(trained, offline), trained.manifest.golden[0].features)
    assert isinstance(outcome, Classification)
    assert sum(outcome.probabilities.values()) == pytest.approx(1)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_text_gaps_and_unknown_categories(offline: Settings, orders: Path, estimator: str) -> None:
    recipe = Recipe(model="m", data=str(orders), target="fraud", estimator=estimator)  # type: ignore[arg-type]
    trained = train(recipe, offline)
    assert trained.manifest.metrics["test"]["roc_auc"] > 0.7
    scorer = served(trained, offline)
    assert scorer.schema.names == ("amount", "country", "member")
    for row in (
        {"amount": 50.0, "country": "SE", "member": True},
        {"amount": 50.0, "country": "a land nobody knows", "member": False},
        {"amount": None, "country": None, "member": True},
        {"member": False},
    ):
        outcome = answer(scorer, row)
        assert isinstance(outcome, Classification)
        assert outcome.label in ("yes", "no")


def test_gaps_in_numbers_alone_are_served_from_a_matrix(offline: Settings, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a = rng.normal(size=200)
    table = pd.DataFrame({"a": np.where(rng.random(200) < 0.2, np.nan, a), "b": a, "y": a * 2})
    data = write(table, tmp_path)
    for estimator in ESTIMATORS:
        trained = train(Recipe(model="m", data=data, target="y", estimator=estimator), offline)  # type: ignore[arg-type]
        scorer = served(trained, offline)
        assert isinstance(scorer.inputs([[None], [1.0]]), np.ndarray)
        assert isinstance(answer(scorer, {"a": None, "b": 1.0}), Regression)


def test_the_manifest_tells_where_the_model_comes_from(offline: Settings, orders: Path) -> None:
    first = train(Recipe(model="m", data=str(orders), target="fraud"), offline)
    second = train(Recipe(model="m", data=str(orders), target="fraud"), offline)
    assert (first.version, first.manifest.parent) == ("1", None)
    assert (second.version, second.manifest.parent) == ("2", "1")
    window = second.manifest.data
    assert window.fingerprint == first.manifest.data.fingerprint
    assert (window.rows, window.time_column) == (600, "ordered_at")
    assert window.start == datetime(2024, 1, 1, tzinfo=UTC)
    assert window.left_out.keys() == {"order_id", "ordered_at"}
    assert "scikit-learn" in second.manifest.libraries
    assert second.manifest.parameters["estimator"] == "linear"


def test_golden_samples_are_varied(offline: Settings, orders: Path) -> None:
    golden = train(Recipe(model="m", data=str(orders), target="fraud"), offline).manifest.golden
    countries = [sample.features["country"] for sample in golden]
    assert 6 <= len(golden) <= 8
    assert None in countries
    assert any(c not in ("NO", "SE", "DE", None) for c in countries)
    assert {sample.prediction.label for sample in golden} == {"yes", "no"}  # type: ignore[union-attr]


def test_the_window_limits_the_rows(offline: Settings, orders: Path) -> None:
    recipe = Recipe(
        model="m",
        data=str(orders),
        target="fraud",
        start=datetime(2024, 1, 2, tzinfo=UTC),
        end=datetime(2024, 1, 12),
    )
    window = train(recipe, offline).manifest.data
    assert window.rows == 240
    assert window.end == datetime(2024, 1, 11, 23, tzinfo=UTC)


def test_a_window_without_rows_says_which_times_there_are(offline: Settings, orders: Path) -> None:
    recipe = Recipe(model="m", data=str(orders), target="fraud", start=datetime(2030, 1, 1))
    with pytest.raises(UsageError, match="go from 2024-01-01 00:00 to 2024-01-25 23:00 UTC"):
        train(recipe, offline)


def test_fitting_on_all_rows_changes_the_model_but_not_its_figures(
    offline: Settings, orders: Path
) -> None:
    honest = train(Recipe(model="m", data=str(orders), target="fraud"), offline)
    everything = train(
        Recipe(model="m", data=str(orders), target="fraud", final_fit="all"), offline
    )
    assert everything.manifest.metrics == honest.manifest.metrics
    assert everything.manifest.payload.sha256 != honest.manifest.payload.sha256
    assert everything.manifest.parameters["final_fit"] == "all"


def test_the_test_rows_are_foretold_by_a_model_that_never_saw_them(
    offline: Settings, tmp_path: Path
) -> None:
    # Labels that nothing explains: a forest knows by heart what it has seen, and only that.
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.random(1000), "y": rng.random(1000)})
    recipe = Recipe(model="m", data=write(table, tmp_path), target="y", estimator="forest")
    assert train(recipe, offline).manifest.metrics["test"]["r2"] < 0.1


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_column_that_began_after_the_training_rows_is_left_out(
    offline: Settings, tmp_path: Path, estimator: str
) -> None:
    x = np.random.default_rng(0).normal(size=100)
    table = pd.DataFrame(
        {
            "at": pd.date_range("2024-01-01", periods=100),
            "x": x,
            "number": [None] * 70 + [1.0, 2.0] * 15,
            "text": [None] * 70 + ["a", "b"] * 15,
            "y": x > 0,
        }
    )
    recipe = Recipe(model="m", data=write(table, tmp_path), target="y", estimator=estimator)  # type: ignore[arg-type]
    left_out = train(recipe, offline).manifest.data.left_out
    assert left_out["number"] == left_out["text"] == "empty in the training rows"


@pytest.mark.parametrize("estimator", ["linear", "forest"])
def test_numbers_beyond_the_estimator_get_a_sentence(
    offline: Settings, tmp_path: Path, estimator: str
) -> None:
    x = np.random.default_rng(0).normal(size=100)
    data = write(pd.DataFrame({"x": x * 1e300, "y": x > 0}), tmp_path)
    with pytest.raises(UsageError, match="cannot be fitted to this data"):
        train(Recipe(model="m", data=data, target="y", estimator=estimator), offline)  # type: ignore[arg-type]


def test_decimals_and_categories_of_a_parquet_file_are_features(
    offline: Settings, tmp_path: Path
) -> None:
    table = pd.DataFrame(
        {
            "price": [Decimal(f"{i}.5") for i in range(100)],
            "colour": pd.Categorical(["red", "blue"] * 50),
            "y": [i * 2.5 for i in range(100)],
        }
    )
    trained = train(Recipe(model="m", data=write(table, tmp_path), target="y"), offline)
    kinds = {feature.name: feature.kind for feature in trained.manifest.schema.features}
    assert kinds == {"price": "numeric", "colour": "categorical"}


def test_rows_without_a_target_are_counted(offline: Settings, tmp_path: Path) -> None:
    table = pd.DataFrame({"x": np.arange(60.0), "y": [True, False, None] * 20})
    trained = train(Recipe(model="m", data=write(table, tmp_path), target="y"), offline)
    assert (trained.manifest.data.rows, trained.rows_without_target) == (40, 20)
    assert trained.manifest.classes == ("false", "true")


def test_without_a_key_the_sentence_says_how_to_make_one(orders: Path, tmp_path: Path) -> None:
    settings = load_settings(project_dir=tmp_path / "elsewhere")
    with pytest.raises(ConfigurationError, match="run 'millrace models keygen'"):
        train(Recipe(model="m", data=str(orders), target="fraud"), settings)


def test_a_kafka_that_does_not_answer_is_no_obstacle(orders: Path, offline: Settings) -> None:
    dead = load_settings(project_dir=offline.project_dir, bootstrap_servers="127.0.0.1:1")
    assert train(Recipe(model="m", data=str(orders), target="fraud"), dead).version == "1"
