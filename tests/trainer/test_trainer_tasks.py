"""Every kind of task goes from a table to a package that answers through the path that serves."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from contracts.errors import UsageError
from contracts.events import (
    Anomaly,
    Classification,
    Clustering,
    FeatureValue,
    MultiOutput,
    Outcome,
    Regression,
)
from contracts.keys import load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.packages import Costs
from contracts.scorer import Scorer
from contracts.settings import Settings
from contracts.side_files import from_bytes
from trainer import Recipe, TrainedVersion, train
from trainer.gate.holdout import HeldOut

ROWS = 400


def write(table: dict[str, Any], folder: Path) -> str:
    path = folder / "data.parquet"
    pd.DataFrame(table).to_parquet(path)
    return str(path)


def served(trained: TrainedVersion, settings: Settings) -> Scorer:
    package = ModelStore(settings.store_url).read(trained.model, trained.digest)
    trusted = load_trusted_keys(settings.keys, "packages")
    return load_scorer(package, digest=trained.digest, environment="local", trusted=trusted)[1]


def answer(scorer: Scorer, row: dict[str, FeatureValue]) -> Outcome | None:
    """By both ways of reading an event, which must agree."""
    columns = scorer.schema.columns([row])
    assert scorer.schema.problems(columns) == {}
    [outcome] = scorer.predict(columns)
    inputs = scorer.read([msgspec.Raw(msgspec.json.encode(row))])
    assert inputs is not None
    assert scorer.answer(inputs)[0] == outcome
    return outcome


def blobs(rows: int = ROWS) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 3, rows)
    return {
        "x": group * 10.0 + rng.normal(size=rows),
        "y": (group == 1) * 10.0 + rng.normal(size=rows),
    }


def test_clusters_have_a_number_and_a_distance(offline: Settings, tmp_path: Path) -> None:
    recipe = Recipe(model="m", data=write(blobs(), tmp_path), task="clustering")
    trained = train(recipe, offline)
    assert trained.manifest.parameters["n_clusters"] == "3", "found out by the silhouette"
    assert trained.manifest.metrics["test"]["silhouette"] > 0.7
    scorer = served(trained, offline)
    here, beside, far = (
        answer(scorer, {"x": x, "y": y}) for x, y in ((0.0, 0.0), (0.5, 0.5), (20.0, 0.0))
    )
    assert isinstance(here, Clustering)
    assert isinstance(beside, Clustering)
    assert isinstance(far, Clustering)
    assert here.cluster == beside.cluster != far.cluster
    assert here.distance is not None
    assert here.distance < 1.0


def test_what_is_out_of_the_ordinary_is_an_anomaly(offline: Settings, tmp_path: Path) -> None:
    recipe = Recipe(model="m", data=write(blobs(), tmp_path), task="anomaly")
    trained = train(recipe, offline)
    assert trained.manifest.metrics["test"]["share_of_anomalies"] < 0.5
    scorer = served(trained, offline)
    strange, usual = (answer(scorer, {"x": x, "y": x}) for x in (500.0, 0.0))
    assert isinstance(strange, Anomaly)
    assert isinstance(usual, Anomaly)
    assert strange.is_anomaly
    assert strange.score < usual.score


@pytest.mark.parametrize("estimator", ["linear", "forest", "boosting"])
def test_several_classes_at_once(offline: Settings, tmp_path: Path, estimator: str) -> None:
    table = blobs()
    table["big"] = table["x"] > 5
    table["place"] = np.where(table["y"] > 5, "top", "bottom")
    recipe = Recipe(
        model="m",
        data=write(table, tmp_path),
        target=("big", "place"),
        estimator=estimator,
    )
    trained = train(recipe, offline)
    assert trained.manifest.task == "multi_output"
    assert [t.classes for t in trained.manifest.targets] == [("false", "true"), ("bottom", "top")]
    figures = trained.manifest.metrics["test"]
    assert figures["big.accuracy"] > 0.9
    assert figures["accuracy"] == pytest.approx(
        (figures["big.accuracy"] + figures["place.accuracy"]) / 2
    )
    outcome = answer(served(trained, offline), {"x": 10.0, "y": 10.0})
    assert isinstance(outcome, MultiOutput)
    one, other = outcome.outputs["big"], outcome.outputs["place"]
    assert isinstance(one, Classification)
    assert isinstance(other, Classification)
    assert (one.label, other.label) == ("true", "top")
    assert one.confidence == pytest.approx(one.probabilities["true"])


@pytest.mark.parametrize("estimator", ["linear", "forest", "boosting"])
def test_several_quantities_at_once(offline: Settings, tmp_path: Path, estimator: str) -> None:
    table = blobs()
    table["sum"], table["half"] = table["x"] + table["y"], table["x"] / 2
    recipe = Recipe(
        model="m", data=write(table, tmp_path), target=("sum", "half"), estimator=estimator
    )
    trained = train(recipe, offline)
    assert trained.manifest.metrics["test"]["r2"] > 0.9
    outcome = answer(served(trained, offline), {"x": 10.0, "y": 10.0})
    assert isinstance(outcome, MultiOutput)
    one = outcome.outputs["sum"]
    assert isinstance(one, Regression)
    assert one.value == pytest.approx(20, abs=3)


def test_classes_and_quantities_together_are_refused(offline: Settings, tmp_path: Path) -> None:
    table = blobs() | {"label": ["a", "b"] * (ROWS // 2)}
    recipe = Recipe(model="m", data=write(table, tmp_path), target=("label", "y"))
    with pytest.raises(UsageError, match="either classes or quantities"):
        train(recipe, offline)


def test_a_task_without_a_target_takes_none_and_others_need_one(
    offline: Settings, tmp_path: Path
) -> None:
    data = write(blobs(), tmp_path)
    with pytest.raises(UsageError, match="clustering has no target"):
        train(Recipe(model="m", data=data, target="x", task="clustering"), offline)
    with pytest.raises(UsageError, match="no target column"):
        train(Recipe(model="m", data=data), offline)


def test_text_is_read(offline: Settings, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    good, bad = (["lovely", "great", "perfect"], ["broken", "awful", "late"])
    liked = rng.random(ROWS) < 0.5
    words = [
        f"the parcel number {n} was {rng.choice(good if like else bad)} this time"
        for n, like in enumerate(liked)
    ]
    recipe = Recipe(
        model="m", data=write({"review": words, "liked": liked}, tmp_path), target="liked"
    )
    trained = train(recipe, offline)
    assert trained.manifest.schema.features[0].kind == "text"
    assert trained.manifest.metrics["test"]["accuracy"] > 0.95
    scorer = served(trained, offline)
    outcome = answer(scorer, {"review": "what an awful thing"})
    assert isinstance(outcome, Classification)
    assert outcome.label == "false"


@pytest.mark.parametrize("estimator", ["linear", "boosting"])
def test_times_are_read_as_calendars(offline: Settings, tmp_path: Path, estimator: str) -> None:
    moments = pd.date_range("2024-01-01", periods=2000, freq="37min", tz="UTC")
    night = (moments.hour < 6) | (moments.hour >= 22)
    table = {"at": moments, "night": night, "x": np.arange(2000) % 7 * 1.0}
    recipe = Recipe(
        model="m",
        data=write(table, tmp_path),
        target="night",
        kinds={"at": "datetime"},
        estimator=estimator,
    )
    trained = train(recipe, offline)
    assert trained.manifest.metrics["test"]["accuracy"] > 0.95
    scorer = served(trained, offline)
    at_noon = datetime(2026, 7, 1, 12, tzinfo=UTC)
    for noon in (at_noon.isoformat(), at_noon.timestamp(), "2026-07-01T14:00:00+02:00"):
        outcome = answer(scorer, {"at": noon, "x": 1.0})
        assert isinstance(outcome, Classification)
        assert outcome.label == "false"
    [outcome] = scorer.predict(scorer.schema.columns([{"at": "2026-07-01T23:30:00Z", "x": 1.0}]))
    assert isinstance(outcome, Classification)
    assert outcome.label == "true"
    problems = scorer.schema.problems(scorer.schema.columns([{"at": "tomorrow", "x": 1.0}]))
    assert "must be a time" in problems[0]


def test_any_estimator_of_scikit_learn_and_its_parameters(offline: Settings, orders: Path) -> None:
    recipe = Recipe(
        model="m",
        data=str(orders),
        target="fraud",
        estimator="sklearn.neighbors:KNeighborsClassifier",
        parameters={"n_neighbors": 7},
    )
    trained = train(recipe, offline)
    assert trained.manifest.estimator == "KNeighborsClassifier"
    assert trained.manifest.parameters["n_neighbors"] == "7"
    assert trained.manifest.metrics["test"]["roc_auc"] > 0.8
    with pytest.raises(UsageError, match="neighbours"):
        train(
            Recipe(
                model="m",
                data=str(orders),
                target="fraud",
                estimator="sklearn.neighbors:KNeighborsClassifier",
                parameters={"neighbours": 7},
            ),
            offline,
        )


def test_an_estimator_without_probabilities(offline: Settings, orders: Path) -> None:
    recipe = Recipe(model="m", data=str(orders), target="fraud", estimator="sklearn.svm:LinearSVC")
    trained = train(recipe, offline)
    assert "roc_auc" not in trained.manifest.metrics["test"]
    row: dict[str, FeatureValue] = {"amount": 90.0, "country": "SE", "member": True}
    outcome = answer(served(trained, offline), row)
    assert outcome == Classification("yes", None, {})


def test_costs_move_the_threshold(offline: Settings, orders: Path) -> None:
    def threshold(**costs: float) -> float:
        recipe = Recipe(
            model="m",
            data=str(orders),
            target="fraud",
            estimator="linear",
            costs=Costs(**costs) if costs else None,
        )
        manifest = train(recipe, offline).manifest
        assert manifest.threshold is not None
        assert ("cost" in manifest.metrics["test"]) == bool(costs)
        return manifest.threshold

    eager = threshold(false_positive=1.0, false_negative=20.0)
    shy = threshold(false_positive=20.0, false_negative=1.0)
    assert eager < shy


def of_three_kinds(folder: Path, **recipe: Any) -> Recipe:
    """Soups and pies are told apart; what is poison looks much like a soup."""
    rng = np.random.default_rng(0)
    kind = rng.choice(["pie", "poison", "soup"], ROWS, p=[0.4, 0.2, 0.4])
    x = np.where(kind == "pie", 0.0, np.where(kind == "soup", 4.0, 4.8)) + rng.normal(size=ROWS)
    data = write({"x": x, "kind": kind}, folder)
    return Recipe(model="m", data=data, target="kind", estimator="linear", **recipe)


def test_costs_by_class_decide_which_answer_a_worker_gives(
    offline: Settings, tmp_path: Path
) -> None:
    costs = Costs(by_class={"poison": {"soup": 100.0, "pie": 100.0}})
    plain = train(of_three_kinds(tmp_path), offline)
    careful = train(of_three_kinds(tmp_path, costs=costs), offline)
    assert careful.manifest.threshold is None
    assert careful.manifest.metrics["test"]["cost"] < 1
    assert "cost" not in plain.manifest.metrics["test"]
    soup: dict[str, FeatureValue] = {"x": 4.0}
    before, after = answer(served(plain, offline), soup), answer(served(careful, offline), soup)
    assert isinstance(before, Classification)
    assert isinstance(after, Classification)
    assert (before.label, after.label) == ("soup", "poison")
    assert after.confidence == after.probabilities["poison"] < 0.5
    shares = np.array([after.probabilities[name] for name in careful.manifest.classes])
    expected = shares @ np.array(costs.matrix(careful.manifest.classes))
    assert careful.manifest.classes[int(expected.argmin())] == "poison"
    assert answer(served(careful, offline), {"x": -2.0}) != after, "a pie is a pie"


def test_costs_by_class_that_no_answer_would_follow_are_refused(
    offline: Settings, tmp_path: Path, orders: Path
) -> None:
    with pytest.raises(UsageError, match="'cake', which the target does not have"):
        train(of_three_kinds(tmp_path, costs=Costs(by_class={"pie": {"cake": 2.0}})), offline)
    costs = Costs(by_class={"pie": {"soup": 2.0}})
    without = msgspec.structs.replace(
        of_three_kinds(tmp_path, costs=costs), estimator="sklearn.svm:LinearSVC"
    )
    with pytest.raises(UsageError, match="gives no probabilities"):
        train(without, offline)
    with pytest.raises(UsageError, match="are for classification"):
        train(Recipe(model="m", data=str(orders), target="amount", costs=costs), offline)


def test_held_out_rows_are_those_of_the_test_with_what_happened(
    offline: Settings, orders: Path
) -> None:
    trained = train(Recipe(model="m", data=str(orders), target="fraud"), offline)
    holdout = trained.manifest.holdout
    assert holdout is not None
    data = ModelStore(offline.store_url).holdout("m", trained.digest)
    held_out = from_bytes(data, holdout.sha256, HeldOut, "it")
    assert held_out.rows == holdout.rows == 120
    assert set(held_out.truth["fraud"]) == {"yes", "no"}
    assert holdout.metrics == trained.manifest.metrics["test"]
