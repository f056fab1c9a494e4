"""XGBoost and LightGBM by their scikit-learn interfaces: trained, packaged, loaded, answered."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from contracts.events import Classification
from contracts.keys import load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.settings import Settings
from trainer import Recipe, train


@pytest.mark.parametrize(
    "estimator",
    [
        pytest.param(
            f"{library}:{name}",
            marks=pytest.mark.skipif(find_spec(library) is None, reason=f"{library} is absent"),
        )
        for library, name in (("xgboost", "XGBClassifier"), ("lightgbm", "LGBMClassifier"))
    ],
)
def test_boosting_of_others(offline: Settings, orders: Path, estimator: str) -> None:
    recipe = Recipe(
        model="m",
        data=str(orders),
        target="fraud",
        estimator=estimator,
        parameters={"n_estimators": 20, "n_jobs": 1},
    )
    trained = train(recipe, offline)
    assert trained.manifest.estimator == estimator.partition(":")[2]
    assert trained.manifest.metrics["test"]["roc_auc"] > 0.85
    _, scorer = load_scorer(
        ModelStore(offline.store_url).read("m", trained.digest),
        digest=trained.digest,
        environment="local",
        trusted=load_trusted_keys(offline.keys, "packages"),
    )
    [outcome] = scorer.predict([[90.0], ["SE"], [True]])
    assert isinstance(outcome, Classification)
    assert outcome.label == "yes"
