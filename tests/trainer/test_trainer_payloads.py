"""Payloads that need no unpickling, and a worker that takes no others."""

import posix
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import skops.io
from msgspec.structs import replace
from sklearn.preprocessing import FunctionTransformer

from contracts.errors import PackageError
from contracts.keys import load_private_key, load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.packages import Package, Payload, decode_manifest, sha256, sign_package
from contracts.payloads import dump_payload, load_payload
from contracts.settings import Settings
from contracts.skops_payloads import is_trusted
from trainer import Recipe, train


def load(package: Package, settings: Settings, *, allow_pickle: bool) -> None:
    load_scorer(
        package,
        digest=package.digest,
        environment="local",
        trusted=load_trusted_keys(settings.keys, "packages"),
        allow_pickle=allow_pickle,
    )


def trained(offline: Settings, orders: Path, **more: object) -> Package:
    recipe = Recipe(model="m", data=str(orders), target="fraud", **more)  # type: ignore[arg-type]
    return ModelStore(offline.store_url).read("m", train(recipe, offline).digest)


@pytest.mark.parametrize("estimator", ["linear", "forest", "boosting"])
def test_a_skops_payload_loads_without_unpickling(
    offline: Settings, orders: Path, estimator: str
) -> None:
    package = trained(offline, orders, estimator=estimator, payload="skops")
    load(package, offline, allow_pickle=False)


def test_a_pickle_is_refused_where_pickles_are_forbidden(offline: Settings, orders: Path) -> None:
    package = trained(offline, orders, estimator="boosting")
    load(package, offline, allow_pickle=True)
    with pytest.raises(PackageError, match="MILLRACE_ALLOW_PICKLE=false forbids"):
        load(package, offline, allow_pickle=False)


def test_an_onnx_form_serves_in_place_of_a_forbidden_pickle(
    offline: Settings, orders: Path
) -> None:
    package = trained(offline, orders, estimator="linear", exclude=("country",))
    manifest = decode_manifest(package.manifest)
    assert manifest.onnx is not None
    broken = b"not a pickle at all"
    payload = Payload("joblib", sha256(broken), len(broken))
    key = load_private_key(offline.keys, "packages")
    unreadable = sign_package(replace(manifest, payload=payload), broken, key, package.onnx)
    load(unreadable, offline, allow_pickle=False)
    with pytest.raises(PackageError, match="cannot be loaded"):
        load(unreadable, offline, allow_pickle=True)


def test_a_function_hidden_in_a_skops_payload_is_refused(tmp_path: Path) -> None:
    footprint = tmp_path / "ran"
    evil = FunctionTransformer(posix.system, kw_args={})
    payload = skops.io.dumps(evil)
    with pytest.raises(PackageError, match=r"posix.system"):
        load_payload("skops", payload)
    with pytest.raises(PackageError, match=r"numpy.*runstring|runstring"):
        load_payload("skops", skops.io.dumps(FunctionTransformer(np.testing.runstring)))
    assert not footprint.exists()


def test_a_function_that_a_module_of_scikit_learn_imports_is_refused() -> None:
    payload = skops.io.dumps(FunctionTransformer(attrgetter("__class__")))
    disguised = payload.replace(b'"operator"', b'"sklearn.feature_selection._base"')
    for data in (payload, disguised):
        with pytest.raises(PackageError):
            load_payload("skops", data)
    for name in ("attrgetter", "BaseEstimator"):
        assert not is_trusted(f"sklearn.feature_selection._base.{name}")
    assert is_trusted("sklearn.base.BaseEstimator")


def test_what_skops_cannot_read_back_is_not_written() -> None:
    with pytest.raises(PackageError):
        dump_payload("skops", FunctionTransformer(lambda rows: rows))


def test_a_broken_skops_payload_is_refused() -> None:
    with pytest.raises(PackageError, match="cannot be read"):
        load_payload("skops", b"no zip file")
