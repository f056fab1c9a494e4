"""Models made elsewhere become packages like any other, or the reason why not is said."""

import json
from pathlib import Path
from typing import Any

import joblib
import msgspec
import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import IsolationForest, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from contracts.errors import UsageError
from contracts.events import Classification, Outcome, Regression
from contracts.keys import load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.packages import Manifest
from contracts.settings import Settings
from trainer.foreign_models import read_files
from trainer.importing import import_model

NUMBERS = [{"name": "x", "kind": "numeric"}, {"name": "y", "kind": "numeric"}]


class Elsewhere:
    """A folder with a fitted estimator, a schema and a sample."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder, self._settings = folder, settings
        rng = np.random.default_rng(0)
        self.table = pd.DataFrame(rng.normal(size=(200, 2)), columns=["x", "y"])
        self.table["big"] = self.table["x"] > 0
        self.table["sum"] = self.table["x"] + self.table["y"]
        self.table["place"] = np.where(self.table["y"] > 0, "north", "south")

    def imported(self, estimator: Any, **schema: Any) -> Manifest:
        """The manifest of the package that was made."""
        joblib.dump(estimator, self._folder / "model.joblib")
        (self._folder / "schema.json").write_text(json.dumps({"features": NUMBERS} | schema))
        self.table.to_csv(self._folder / "rows.csv", index=False)
        manifest, self.digest = import_model(
            self._settings,
            "m",
            read_files(
                self._folder / "model.joblib",
                self._folder / "schema.json",
                self._folder / "rows.csv",
            ),
        )
        return manifest

    def answer(self, row: dict[str, Any]) -> Outcome | None:
        """What a worker would answer."""
        _, scorer = load_scorer(
            ModelStore(self._settings.store_url).read("m", self.digest),
            digest=self.digest,
            environment="local",
            trusted=load_trusted_keys(self._settings.keys, "packages"),
        )
        inputs = scorer.read([msgspec.Raw(msgspec.json.encode(row))])
        assert inputs is not None
        return scorer.answer(inputs)[0]


@pytest.fixture
def elsewhere(tmp_path: Path, offline: Settings) -> Elsewhere:
    return Elsewhere(tmp_path, offline)


def test_a_classifier_fitted_on_a_matrix(elsewhere: Elsewhere) -> None:
    table = elsewhere.table
    fitted = LogisticRegression().fit(table[["x", "y"]].to_numpy(), table["big"])
    manifest = elsewhere.imported(fitted, target="big", threshold=0.3)
    assert (manifest.task, manifest.classes) == ("classification", ("false", "true"))
    assert manifest.threshold == 0.3
    assert manifest.holdout is not None
    assert manifest.holdout.metrics["roc_auc"] > 0.99
    outcome = elsewhere.answer({"x": 2.0, "y": 0.0})
    assert isinstance(outcome, Classification)
    assert outcome.label == "true"


def test_a_pipeline_that_asks_for_columns_by_name(elsewhere: Elsewhere) -> None:
    table = elsewhere.table
    pipeline = make_pipeline(
        make_column_transformer(
            (StandardScaler(), ["x"]), (OneHotEncoder(handle_unknown="ignore"), ["place"])
        ),
        LinearRegression(),
    ).fit(table[["x", "place"]], table["sum"])
    features = [{"name": "x", "kind": "numeric"}, {"name": "place", "kind": "categorical"}]
    manifest = elsewhere.imported(pipeline, features=features, target="sum")
    assert manifest.task == "regression"
    north, south = (elsewhere.answer({"x": 0.0, "place": p}) for p in ("north", "south"))
    assert isinstance(north, Regression)
    assert isinstance(south, Regression)
    assert north.value > south.value


def test_numbers_only_but_by_name(elsewhere: Elsewhere) -> None:
    table = elsewhere.table
    pipeline = make_pipeline(
        make_column_transformer(("passthrough", ["y"])), LinearRegression()
    ).fit(table[["x", "y"]], table["y"])
    elsewhere.imported(pipeline)
    outcome = elsewhere.answer({"x": 100.0, "y": 7.0})
    assert isinstance(outcome, Regression)
    assert outcome.value == pytest.approx(7.0)


@pytest.mark.parametrize(
    ("estimator", "task"),
    [(KMeans(3, n_init=1), "clustering"), (IsolationForest(n_estimators=10), "anomaly")],
)
def test_without_a_target(elsewhere: Elsewhere, estimator: Any, task: str) -> None:
    fitted = estimator.fit(elsewhere.table[["x", "y"]].to_numpy())
    manifest = elsewhere.imported(fitted)
    assert (manifest.task, manifest.holdout) == (task, None)


def test_several_outputs(elsewhere: Elsewhere) -> None:
    table = elsewhere.table
    forest = RandomForestClassifier(10).fit(
        table[["x", "y"]].to_numpy(), table[["big", "place"]].astype(str)
    )
    manifest = elsewhere.imported(forest, target=["big", "place"])
    assert manifest.task == "multi_output"
    assert [target.classes for target in manifest.targets] == [
        ("False", "True"),
        ("north", "south"),
    ]


def test_what_does_not_fit_is_refused_with_what_to_do(
    elsewhere: Elsewhere, tmp_path: Path, offline: Settings
) -> None:
    table = elsewhere.table
    fitted = LinearRegression().fit(table[["x", "y"]], table["sum"])
    with pytest.raises(UsageError, match="same order"):
        elsewhere.imported(fitted, features=list(reversed(NUMBERS)))
    with pytest.raises(UsageError, match="cannot score new rows"):
        elsewhere.imported(DBSCAN().fit(table[["x", "y"]]))
    with pytest.raises(UsageError, match="is no schema"):
        elsewhere.imported(fitted, colour="green")
    of_one = LinearRegression().fit(table[["y"]].to_numpy(), table["sum"])
    elsewhere.table["x"] = "much"
    with pytest.raises(UsageError, match="row 1: feature 'x' must be a number"):
        elsewhere.imported(of_one)
    with pytest.raises(UsageError, match="there is no file"):
        read_files(tmp_path / "none", tmp_path / "schema.json", tmp_path / "rows.csv")
