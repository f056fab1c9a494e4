"""A model is served by onnxruntime where that answers as scikit-learn does, and nowhere else."""

import platform
import sys
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import joblib
import numpy as np
import pandas as pd
import psutil
import pytest
from msgspec.structs import replace
from sklearn.pipeline import Pipeline, make_pipeline

from contracts import package_loading
from contracts.errors import PackageError
from contracts.keys import load_private_key, load_trusted_keys
from contracts.model_store import ModelStore
from contracts.onnx_model import OnnxModel
from contracts.package_loading import alike, load_scorer
from contracts.packages import Manifest, OnnxForm, Package, Payload, sha256, sign_package
from contracts.scorer import Columns, Scorer
from contracts.settings import ModelRuntime, Settings
from contracts.tabular import feature_columns
from trainer import Recipe, TrainedVersion, onnx_form, train

pytestmark = pytest.mark.skipif(
    sys.platform == "darwin" and platform.machine() != "arm64",
    reason="onnxruntime has no wheels for this machine",
)
ROWS = 900


def table(gaps: float = 0.1) -> pd.DataFrame:
    """Five numbers, some of them missing, and a sum to foretell."""
    random = np.random.default_rng(3)
    numbers = random.normal(size=(ROWS, 5)) * [1, 10, 1e3, 1e-3, 1] + [0, 5, 0, 0, -3]
    frame = pd.DataFrame(numbers, columns=list("abcde"))
    frame["sum"] = frame.sum(axis=1) + random.normal(size=ROWS) * 100
    frame.loc[random.random(ROWS) < gaps, "b"] = np.nan
    frame["empty"] = np.nan
    return frame


def trained(frame: pd.DataFrame, settings: Settings, estimator: str = "linear") -> TrainedVersion:
    path = settings.project_dir / "data.parquet"
    frame.to_parquet(path)
    recipe = Recipe(model="m", data=str(path), target="sum", estimator=estimator)  # type: ignore[arg-type]
    return train(recipe, settings)


def columns_of(version: TrainedVersion, frame: pd.DataFrame) -> Columns:
    return feature_columns(frame, version.manifest.schema.features)


def load(package: Package, settings: Settings, runtime: ModelRuntime) -> Scorer:
    return load_scorer(
        package,
        digest=package.digest,
        environment="local",
        trusted=load_trusted_keys(settings.keys, "packages"),
        runtime=runtime,
    )[1]


def stored(version: TrainedVersion, settings: Settings) -> Package:
    return ModelStore(settings.store_url).read(version.model, version.digest)


def signed(manifest: Manifest, package: Package, settings: Settings) -> Package:
    key = load_private_key(settings.keys, "packages")
    return sign_package(manifest, package.payload, key, package.onnx)


@pytest.fixture
def linear(offline: Settings) -> TrainedVersion:
    return trained(table().assign(sum=lambda t: t["sum"] > 0), offline)


@pytest.mark.parametrize("gaps", [0.0, 0.1])
@pytest.mark.parametrize(
    "target",
    [
        lambda total: total > 0,
        lambda total: np.where(total > 0, "yes", "no"),
        lambda total: np.array(["low", "some", "high"])[np.digitize(total, [-500, 500])],
        lambda total: np.digitize(total, [-500, 500]) * 9 + 2,
        lambda total: total,
    ],
)
def test_the_linear_pipeline_answers_as_it_did(
    offline: Settings, gaps: float, target: Callable[[Any], Any]
) -> None:
    frame = table(gaps)
    version = trained(frame.assign(sum=target(frame["sum"])), offline)
    assert version.manifest.why_no_onnx is None
    package = stored(version, offline)
    fast, known = (load(package, offline, runtime) for runtime in ("auto", "scikit-learn"))  # type: ignore[arg-type]
    assert isinstance(fast.estimator, OnnxModel)
    assert isinstance(known.estimator, Pipeline)
    # Other rows than those it was compared on, also with gaps where training saw none if allowed.
    inputs = np.random.default_rng(4).normal(size=(500, len(fast.schema.features))) * 1e3
    for number, feature in enumerate(fast.schema.features):
        inputs[::7, number] = np.nan if feature.nullable else 0.0
    for rows in (inputs, inputs[:1], np.asfortranarray(inputs)):
        for one, other in zip(fast.answer(rows), known.answer(rows), strict=True):
            assert one is not None
            assert other is not None
            assert alike(one, other)


@pytest.mark.parametrize("runtime", ["auto", "scikit-learn"])
def test_an_altered_form_is_refused_before_anything_is_loaded(
    linear: TrainedVersion,
    offline: Settings,
    runtime: ModelRuntime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    [path] = offline.state_dir.rglob("model.onnx")
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    loaded: list[object] = []
    monkeypatch.setattr(package_loading, "OnnxModel", loaded.append)
    monkeypatch.setattr(joblib, "load", loaded.append)
    with pytest.raises(PackageError, match=r"ONNX form's sha256 .* it was altered"):
        load(stored(linear, offline), offline, runtime)
    assert not loaded


def test_a_form_that_the_manifest_does_not_name_is_refused(
    linear: TrainedVersion, offline: Settings
) -> None:
    package = stored(linear, offline)
    without = signed(replace(linear.manifest, onnx=None), package, offline)
    with pytest.raises(PackageError, match="ONNX form's sha256"):
        load(without, offline, "auto")


def test_a_form_that_is_gone_is_a_part_that_is_absent(
    linear: TrainedVersion, offline: Settings
) -> None:
    [path] = offline.state_dir.rglob("model.onnx")
    path.unlink()
    with pytest.raises(PackageError, match=r"has no .*model\.onnx"):
        stored(linear, offline)


def test_nothing_is_unpickled_where_onnxruntime_serves(
    linear: TrainedVersion, offline: Settings
) -> None:
    package = replace(stored(linear, offline), payload=b"no pickle at all")
    payload = Payload("joblib", sha256(package.payload), len(package.payload))
    odd = signed(replace(linear.manifest, payload=payload), package, offline)
    assert isinstance(load(odd, offline, "auto").estimator, OnnxModel)
    with pytest.raises(PackageError, match="payload cannot be loaded"):
        load(odd, offline, "scikit-learn")


def test_a_form_that_answers_otherwise_here_leaves_it_to_scikit_learn(
    linear: TrainedVersion, offline: Settings
) -> None:
    package = stored(linear, offline)
    pipeline = deepcopy(load(package, offline, "scikit-learn").estimator)
    pipeline[-1].coef_ *= 1.00001  # type: ignore[index]
    features = len(linear.manifest.schema.features)
    for other in (onnx_form.convert(pipeline, "classification", features), b"no graph at all"):
        manifest = replace(linear.manifest, onnx=OnnxForm(sha256(other), len(other)))
        odd = signed(manifest, replace(package, onnx=other), offline)
        assert isinstance(load(odd, offline, "auto").estimator, Pipeline)


def test_without_onnxruntime_scikit_learn_serves(
    linear: TrainedVersion, offline: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = stored(linear, offline)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert isinstance(load(package, offline, "auto").estimator, Pipeline)


@pytest.mark.parametrize("absent", ["onnxruntime", "skl2onnx"])
def test_without_the_extra_packages_are_made_without_a_form(
    offline: Settings, monkeypatch: pytest.MonkeyPatch, absent: str
) -> None:
    monkeypatch.setitem(sys.modules, absent, None)
    version = trained(table(), offline)
    assert version.manifest.onnx is None
    assert version.manifest.why_no_onnx == "skl2onnx and onnxruntime were not installed"
    assert isinstance(load(stored(version, offline), offline, "auto").estimator, Pipeline)


@pytest.mark.parametrize(
    ("estimator", "extra", "why"),
    [
        ("boosting", {}, "skl2onnx 1.20 does not manage its trees"),
        ("forest", {}, "a forest would answer in float32"),
        ("linear", {"country": ["NO", "SE", "DE"] * (ROWS // 3)}, "texts are no matrix"),
    ],
)
def test_what_has_no_form_says_why_and_is_served_by_scikit_learn(
    offline: Settings, estimator: str, extra: dict[str, Any], why: str
) -> None:
    version = trained(table().assign(**extra), offline, estimator)
    assert version.manifest.onnx is None
    assert why in (version.manifest.why_no_onnx or "")
    assert not list(offline.state_dir.rglob("model.onnx"))
    assert isinstance(load(stored(version, offline), offline, "auto").estimator, Pipeline)


def test_a_form_that_calculates_in_float32_is_refused(
    offline: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds since 1970 are two minutes apart in float32, and nothing else gives it away."""
    from skl2onnx.sklapi import CastTransformer

    frame = table().assign(e=lambda t: 1.7e9 + t["e"] * 1e3, sum=lambda t: t["sum"] > 0)
    version = trained(frame, offline)
    assert version.manifest.onnx is not None
    pipeline = load(stored(version, offline), offline, "scikit-learn").estimator
    single = make_pipeline(
        CastTransformer(dtype=np.float32), CastTransformer(dtype=np.float64), pipeline
    )
    convert = onnx_form.convert
    monkeypatch.setattr(onnx_form, "convert", lambda _, *rest: convert(single, *rest))
    manifest, form = onnx_form.with_onnx(version.manifest, pipeline, columns_of(version, frame))
    assert (manifest.onnx, form) == (None, None)
    assert "golden sample" in (manifest.why_no_onnx or "")


def test_rows_count_that_golden_samples_are_not_like(
    linear: TrainedVersion, offline: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline: Any = load(stored(linear, offline), offline, "scikit-learn").estimator
    other = deepcopy(pipeline)
    other[0][0].statistics_ += 1.0
    convert = onnx_form.convert
    monkeypatch.setattr(onnx_form, "convert", lambda _, *rest: convert(other, *rest))
    whole = tuple(s for s in linear.manifest.golden if None not in s.features.values())
    draft = replace(linear.manifest, golden=whole)
    manifest, _ = onnx_form.with_onnx(draft, pipeline, columns_of(linear, table()))
    assert "for row" in (manifest.why_no_onnx or "")


def test_a_graph_of_float32_is_refused() -> None:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LinearRegression

    inputs = np.random.default_rng(0).normal(size=(50, 2))
    model = LinearRegression().fit(inputs, inputs.sum(axis=1))
    single = to_onnx(model, inputs[:1].astype(np.float32)).SerializeToString()
    with pytest.raises(PackageError, match="float"):
        OnnxModel(single)
    assert OnnxModel(to_onnx(model, inputs[:1]).SerializeToString()).predict(inputs).shape[0] == 50


def test_a_session_starts_no_threads(linear: TrainedVersion, offline: Settings) -> None:
    package = stored(linear, offline)
    load(package, offline, "auto")
    before = psutil.Process().num_threads()
    sessions = [load(package, offline, "auto") for _ in range(3)]
    assert psutil.Process().num_threads() == before
    assert len(sessions) == 3
