"""A version written as a model folder of MLflow, with the flavor of scikit-learn."""

from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import skops.io
from msgspec import Struct

from contracts.errors import PackageError, UsageError
from contracts.feature_schema import FeatureSchema
from contracts.model_store import ModelStore
from contracts.packages import Manifest
from contracts.scorer import Columns, Scorer
from contracts.settings import Settings
from contracts.skops_payloads import trusted_types
from trainer.deployments.versions import LoadedVersion, load_deployed
from trainer.foreign_models import ImportSchema
from trainer.mlflow_models.library import OURS, mlflow_library

_STRINGS = frozenset({"categorical", "text"})


class Exported(Struct, frozen=True, kw_only=True):
    """A folder that was written; `answers` says what its `predict` gives."""

    model: str
    version: str
    digest: str
    folder: str
    answers: str


def export_to_mlflow(settings: Settings, model: str, version: str | None, folder: Path) -> Exported:
    """Verify a version as a worker would, and write it with the flavor of scikit-learn.

    The estimator is written by skops where that can, else by cloudpickle. The folder is loaded
    back, and must answer the golden samples as the package does.

    Args:
        version: None: the newest.

    Raises:
        ConfigurationError: MLflow is not installed.
        UsageError: there is no such version, or the folder is not empty.
        SignatureError, PackageError: a worker would refuse the package, or MLflow does not give
            the same answers.
    """
    mlflow = mlflow_library()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already: name a folder that is not")
    # What is exported is the estimator, not its ONNX form.
    settings = settings.model_copy(update={"model_runtime": "scikit-learn"})
    loaded = load_deployed(settings, model, ModelStore(settings.store_url).find(model, version))
    manifest, scorer = loaded.manifest, loaded.scorer
    samples = _frame(scorer, scorer.schema.columns([g.features for g in manifest.golden]))
    method = _method(manifest, scorer)
    expected = getattr(scorer.estimator, method)(_as_fitted(scorer.schema, samples))
    mlflow.sklearn.save_model(
        scorer.estimator,
        str(folder),
        signature=_signature(mlflow, scorer.schema, expected),
        input_example=samples,
        pyfunc_predict_fn=method,
        pip_requirements=_requirements(manifest, scorer.estimator),
        metadata=_metadata(loaded),
        **_serialization(scorer.estimator),
    )
    answered = mlflow.pyfunc.load_model(str(folder)).predict(samples)
    if not np.array_equal(np.asarray(answered), np.asarray(expected)):
        raise PackageError(f"{folder} does not answer as version {manifest.version} does")
    return Exported(
        model=model,
        version=manifest.version,
        digest=loaded.deployed.digest,
        folder=str(folder),
        answers=f"probabilities of {', '.join(manifest.classes)}"
        if method == "predict_proba"
        else "predictions",
    )


def _frame(scorer: Scorer, columns: Columns) -> pd.DataFrame:
    """What the estimator is fed with, under the names of the features."""
    inputs = scorer.inputs(columns)
    return (
        inputs
        if isinstance(inputs, pd.DataFrame)
        else pd.DataFrame(inputs, columns=scorer.schema.names)
    )


def _as_fitted(schema: FeatureSchema, frame: pd.DataFrame) -> Any:
    return frame.to_numpy() if schema.all_numbers else frame


def _method(manifest: Manifest, scorer: Scorer) -> str:
    """Probabilities where there are any: labels also depend on the threshold or the costs."""
    if manifest.task == "classification" and hasattr(scorer.estimator, "predict_proba"):
        return "predict_proba"
    return "predict"


def _signature(mlflow: Any, schema: FeatureSchema, expected: Any) -> Any:
    inputs = mlflow.types.Schema(
        [
            mlflow.types.ColSpec(
                "string" if feature.kind in _STRINGS else "double",
                feature.name,
                required=not feature.nullable,
            )
            for feature in schema.features
        ]
    )
    outputs = mlflow.models.infer_signature(model_output=np.asarray(expected)).outputs
    return mlflow.models.ModelSignature(inputs, outputs)


def _requirements(manifest: Manifest, estimator: Any) -> list[str]:
    """What the folder needs to load, in the versions that the package was made with."""
    last = estimator[-1] if hasattr(estimator, "steps") else estimator
    own = packages_distributions().get(type(last).__module__.split(".")[0], [])
    needed = {name: version(name) for name in ("cloudpickle", "skops", *own)}
    return [f"{name}=={number}" for name, number in (needed | manifest.libraries).items()]


def _serialization(estimator: Any) -> dict[str, Any]:
    try:
        types = trusted_types(skops.io.dumps(estimator))
    except Exception:  # one class per type that it does not know
        return {"serialization_format": "cloudpickle"}
    return {"serialization_format": "skops", "skops_trusted_types": types}


def _metadata(loaded: LoadedVersion) -> dict[str, Any]:
    """What the estimator does not say, as plain values for YAML."""
    manifest = loaded.manifest
    several = tuple(target.name for target in manifest.targets)
    schema = ImportSchema(
        features=manifest.schema.features,
        task=manifest.task,
        target=several or manifest.data.target or (),
        classes=manifest.classes,
        threshold=manifest.threshold,
        costs=manifest.costs,
        gate=manifest.gate,
        canary=manifest.canary,
    )
    said: dict[str, Any] = msgspec.to_builtins(
        {
            "model": manifest.model,
            "version": manifest.version,
            "digest": loaded.deployed.digest,
            "metrics": manifest.metrics,
            "threshold": manifest.threshold,
            "classes": manifest.classes,
            "schema": schema,
        }
    )
    return {OURS: msgspec.json.decode(msgspec.json.encode(said))}
