"""What answers for a model in a worker: onnxruntime where the package lets it, unless forbidden."""

import platform
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from contracts.deployments import DeployedVersion, Deployment
from contracts.events import Classification
from contracts.keys import generate_keys, load_trusted_keys
from contracts.model_store import ModelStore
from contracts.onnx_model import OnnxModel
from contracts.package_loading import alike, load_scorer
from contracts.settings import Settings, load_settings
from stream_workers.loading import VersionLoader
from trainer import Recipe, TrainedVersion, train

pytestmark = pytest.mark.skipif(
    sys.platform == "darwin" and platform.machine() != "arm64",
    reason="onnxruntime has no wheels for this machine",
)

# `works` is the fixture of conftest.py; with importlib's import mode it cannot be imported.
Works = Any
MODEL = "sizes"


def trained(settings: Settings) -> TrainedVersion:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "size": random.normal(3, 2, 600),
            "weight": np.where(random.random(600) < 0.1, np.nan, random.normal(size=600)),
        }
    )
    table["big"] = table["size"] + random.normal(size=600) > 3
    path = settings.project_dir / "sizes.parquet"
    table.to_parquet(path)
    recipe = Recipe(model=MODEL, data=str(path), target="big", estimator="linear")
    return train(recipe, settings)


@pytest.mark.parametrize(
    ("variables", "by_onnxruntime"),
    [
        ({}, True),
        ({"MILLRACE_MODEL_RUNTIME": "auto"}, True),
        ({"MILLRACE_MODEL_RUNTIME": "scikit-learn"}, False),
    ],
)
def test_the_setting_decides_what_answers(
    tmp_path: Any,
    no_variables: None,
    monkeypatch: pytest.MonkeyPatch,
    variables: dict[str, str],
    by_onnxruntime: bool,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(project_dir=tmp_path)
    generate_keys(settings.keys)
    version = trained(settings)
    loader = VersionLoader(
        ModelStore(settings.store_url),
        settings.environment,
        load_trusted_keys(settings.keys, "packages"),
        0,
        settings.model_runtime,
        lambda *_: None,
    )
    deployment = Deployment(
        environment=settings.environment,
        model=MODEL,
        sequence=1,
        champion=DeployedVersion(version.version, version.digest),
        author="test",
        reason="test",
        created_at=datetime.now(UTC),
    )
    estimator = loader.load(deployment, None).champion.scorer.estimator
    assert isinstance(estimator, OnnxModel) is by_onnxruntime


@pytest.mark.stack
def test_a_worker_predicts_by_onnxruntime_what_scikit_learn_would(works: Works) -> None:
    version = trained(works.settings)
    works.deploy(version.version, version.digest, sequence=1)
    rows = [{"size": n / 10, "weight": None if n % 5 == 0 else n / 7} for n in range(60)]
    works.send(*(works.event(event_id=str(n), features=row) for n, row in enumerate(rows)))
    worker = works.start_worker()
    predictions = works.wait_for_predictions(len(rows))
    worker.wait_for_log("onnxruntime serves")
    _, scorer = load_scorer(
        works.store.read(MODEL, version.digest),
        digest=version.digest,
        environment=works.settings.environment,
        trusted=load_trusted_keys(works.settings.keys, "packages"),
    )
    expected = scorer.predict(scorer.schema.columns(rows))
    for prediction in predictions:
        wanted = expected[int(prediction.event_id)]
        assert isinstance(wanted, Classification)
        assert alike(wanted, prediction.prediction)
