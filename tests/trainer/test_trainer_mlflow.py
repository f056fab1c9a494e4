"""Models go to MLflow and come back, and answer there and here as before."""

import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from contracts.errors import ConfigurationError, UsageError
from contracts.events import Classification, FeatureValue, Outcome, Regression
from contracts.keys import load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.packages import Costs, Manifest
from contracts.scorer import Scorer
from contracts.settings import Settings
from trainer import Recipe, train
from trainer.importing import import_model
from trainer.mlflow_models.exporting import export_to_mlflow
from trainer.mlflow_models.library import OURS
from trainer.mlflow_models.reading import read_from_mlflow

ROWS: list[dict[str, FeatureValue]] = [
    {"amount": 90.0, "country": "SE", "member": True},
    {"amount": 3.5, "country": "NO", "member": False},
    {"amount": None, "country": None, "member": True},
]


def loaded(settings: Settings, model: str, digest: str) -> tuple[Manifest, Scorer]:
    return load_scorer(
        ModelStore(settings.store_url).read(model, digest),
        digest=digest,
        environment="local",
        trusted=load_trusted_keys(settings.keys, "packages"),
    )


def answers(settings: Settings, model: str, digest: str) -> list[Outcome | None]:
    """What a worker answers to the rows."""
    _, scorer = loaded(settings, model, digest)
    return list(scorer.predict(scorer.schema.columns(ROWS)))


def by_mlflow(folder: Path, names: tuple[str, ...]) -> Any:
    """What MLflow answers to the rows: truth values as numbers, as estimators have them."""
    frame = pd.DataFrame({name: [row[name] for row in ROWS] for name in names})
    frame = frame.astype({"amount": float, "country": object, "member": float})
    frame["country"] = frame["country"].where(frame["country"].notna(), None)
    return mlflow.pyfunc.load_model(str(folder)).predict(frame[list(reversed(names))])


@pytest.mark.parametrize("estimator", ["linear", "boosting", "xgboost:XGBClassifier"])
def test_a_classifier_goes_there_and_comes_back(
    offline: Settings, orders: Path, tmp_path: Path, estimator: str
) -> None:
    if estimator.startswith("xgboost"):
        pytest.importorskip("xgboost")
    recipe = Recipe(
        model="m",
        data=str(orders),
        target="fraud",
        estimator=estimator,
        costs=Costs(false_positive=1, false_negative=9),
    )
    trained = train(recipe, offline)
    folder = tmp_path / "folder"
    exported = export_to_mlflow(offline, "m", None, folder)
    assert (exported.version, exported.digest) == ("1", trained.digest)

    before = answers(offline, "m", trained.digest)
    probabilities = by_mlflow(folder, trained.manifest.schema.names)
    for outcome, row in zip(before, probabilities, strict=True):
        assert isinstance(outcome, Classification)
        assert [*outcome.probabilities] == ["no", "yes"]
        assert list(outcome.probabilities.values()) == row.tolist()
    said = mlflow.models.Model.load(str(folder)).metadata[OURS]
    assert said["digest"] == trained.digest
    assert said["threshold"] == trained.manifest.threshold
    assert said["classes"] == ["no", "yes"]
    assert said["metrics"] == trained.manifest.metrics

    manifest, digest = import_model(offline, "other", read_from_mlflow(str(folder), None, None))
    assert manifest.schema.features == trained.manifest.schema.features
    assert manifest.threshold == trained.manifest.threshold
    assert answers(offline, "other", digest) == before
    sample = read_from_mlflow(str(folder), None, orders)
    labelled, _ = import_model(offline, "other", sample)
    assert labelled.holdout is not None
    assert labelled.holdout.rows == 600, "the gate can compare"


def test_labels_of_least_cost_come_back_too(offline: Settings, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    kind = rng.choice(["a", "b", "c"], 400)
    table = pd.DataFrame({"x": rng.normal(size=400) + 2 * (kind == "a"), "kind": kind})
    table.to_csv(tmp_path / "t.csv", index=False)
    costs = Costs(by_class={"c": {"a": 50.0, "b": 50.0}})
    recipe = Recipe(model="m", data=str(tmp_path / "t.csv"), target="kind", costs=costs)
    trained = train(recipe, offline)
    export_to_mlflow(offline, "m", "1", tmp_path / "folder")
    foreign = read_from_mlflow(str(tmp_path / "folder"), None, None)
    _, digest = import_model(offline, "other", foreign)
    columns = [table["x"].tolist()]
    before = loaded(offline, "m", trained.digest)[1].predict(columns)
    assert loaded(offline, "other", digest)[1].predict(columns) == before
    sure = [o.confidence or 0 for o in before if isinstance(o, Classification) and o.label == "c"]
    assert min(sure) < 0.5, "the costs decided"


def test_a_regression_and_clusters(offline: Settings, orders: Path, tmp_path: Path) -> None:
    train(Recipe(model="r", data=str(orders), target="amount", exclude=("fraud",)), offline)
    train(Recipe(model="k", data=str(orders), task="clustering", exclude=("country",)), offline)
    for model in ("r", "k"):
        exported = export_to_mlflow(offline, model, None, tmp_path / model)
        assert exported.answers == "predictions"
        foreign = read_from_mlflow(str(tmp_path / model), None, None)
        manifest, digest = import_model(offline, f"{model}2", foreign)
        first, scorer = loaded(offline, model, ModelStore(offline.store_url).find(model).digest)
        rows = scorer.schema.columns([g.features for g in first.golden])
        assert loaded(offline, f"{model}2", digest)[1].predict(rows) == scorer.predict(rows)
        assert manifest.task == first.task


class Tracked:
    """A tracking server of MLflow: a folder."""

    def __init__(self, folder: Path) -> None:
        self.uri = folder.as_uri()
        rng = np.random.default_rng(0)
        self.table = pd.DataFrame(rng.normal(size=(50, 2)), columns=["x", "y"])

    def log(self, estimator: Any, **more: Any) -> str:
        """The URI of a model logged there."""
        mlflow.set_tracking_uri(self.uri)
        with mlflow.start_run():
            return mlflow.sklearn.log_model(estimator, name="model", **more).model_uri  # type: ignore[no-any-return]


@pytest.fixture
def tracked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    before = mlflow.get_tracking_uri()
    yield Tracked(tmp_path / "tracked")
    mlflow.set_tracking_uri(before)


def test_a_model_of_a_tracking_server_by_its_signature(tracked: Tracked, offline: Settings) -> None:
    table = tracked.table
    fitted = LinearRegression().fit(table, table["x"] + table["y"])
    uri = tracked.log(fitted, input_example=table.head(20), pip_requirements=[])
    assert uri.startswith("models:/")
    manifest, digest = import_model(offline, "m", read_from_mlflow(uri, None, None))
    assert [(f.name, f.kind) for f in manifest.schema.features] == [
        ("x", "numeric"),
        ("y", "numeric"),
    ]
    [outcome] = loaded(offline, "m", digest)[1].predict([[3.0], [4.0]])
    assert isinstance(outcome, Regression)
    assert outcome.value == pytest.approx(7.0)


def test_what_a_folder_lacks_is_asked_for(
    offline: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 2)), columns=["x", "y"])
    fitted = LogisticRegression().fit(table.to_numpy(), table["x"] > 0)
    bare = tmp_path / "bare"
    mlflow.sklearn.save_model(fitted, str(bare), pip_requirements=[])
    with pytest.raises(UsageError, match=r"no signature that names its columns: .*--schema"):
        read_from_mlflow(str(bare), None, None)
    schema = tmp_path / "schema.json"
    schema.write_text('{"features": [{"name": "x", "kind": "numeric"}]}')
    with pytest.raises(UsageError, match=r"no input example with the columns x: .*--sample"):
        read_from_mlflow(str(bare), schema, None)
    with pytest.raises(UsageError, match="is no scikit-learn model of MLflow"):
        read_from_mlflow(str(tmp_path / "nothing"), None, None)
    with pytest.raises(UsageError, match="is there already"):
        export_to_mlflow(offline, "m", None, bare)
    monkeypatch.setitem(sys.modules, "mlflow.sklearn", None)
    with pytest.raises(ConfigurationError, match=r"millrace\[mlflow\]"):
        read_from_mlflow(str(bare), None, None)
