"""Training from end to end: a recipe in, a stored and checked model version out."""

import os
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from contracts.model_store import ModelStore
from contracts.package_loading import installed_libraries
from contracts.packages import Manifest, Payload, sha256
from contracts.settings import Settings
from contracts.signatures import load_private_key, load_trusted_keys
from trainer.announcing import announce_trained
from trainer.author import author
from trainer.control_topic import deployed_version
from trainer.estimators import EstimatorKind, build_pipeline, choose_estimator
from trainer.fitting import FittedModel, fit_model
from trainer.golden import golden_samples
from trainer.onnx_form import with_onnx
from trainer.packaging import check_stored, serialize, store_package
from trainer.preparing import TrainingData, prepare
from trainer.progress import Steps
from trainer.recipes import Recipe, check_recipe


class TrainedVersion(Struct, frozen=True, kw_only=True):
    """A version in the model store, and how it came about.

    Args:
        why_task, why_estimator, why_time, split: the decisions in words for people.
        rows_without_target: rows of the window that had no target and were dropped.
    """

    model: str
    version: str
    digest: str
    manifest: Manifest
    why_task: str
    why_estimator: str
    why_time: str
    split: str
    rows_without_target: int


def train(recipe: Recipe, settings: Settings, console: Console | None = None) -> TrainedVersion:
    """Train, evaluate, package, store and load back one version. Works without Kafka.

    Args:
        console: where people read the progress; None: silence.

    Raises:
        UsageError: the recipe or its data cannot be trained on.
        ConfigurationError: there is no key to sign with.
        PackageError, SignatureError: a worker would refuse the package that was stored.
        UnreachableError: the model store does not answer.
    """
    # OpenMP threads that wait for a busy core burn the other cores: a fit of 2 s took 37 s beside
    # a loaded worker.
    with threadpool_limits(max(1, (os.cpu_count() or 1) // 2)):
        return _train(recipe, settings, Steps(console))


def _train(recipe: Recipe, settings: Settings, steps: Steps) -> TrainedVersion:
    check_recipe(recipe)
    key = load_private_key(settings.keys, "packages")  # before the work, not after it
    store = ModelStore(settings.store_url)
    with steps.step(f"reading {recipe.data}"):
        data = prepare(recipe)
    kind, why_estimator = choose_estimator(recipe.estimator, data.window.rows, _classes(data))
    steps.say(
        f"{data.window.rows:,} rows, {len(data.profile.schema.features)} features; "
        f"{data.task.task}: {data.task.why}; split {data.split.how}"
    )
    with steps.step(f"fitting and evaluating, {kind}: {why_estimator}"):
        fitted = fit_model(
            kind,
            data.task.task,
            data.profile.schema,
            data.columns,
            data.target,
            data.split,
            recipe,
        )
    with steps.step(f"packaging into {store.url}"):
        payload = serialize(fitted.scorer.estimator)
        draft = _draft(recipe, settings, data, fitted, kind, payload)
        draft, onnx = with_onnx(draft, fitted.scorer.estimator, data.columns)
        draft = replace(draft, parent=_parent(store, settings, recipe.model))
        manifest, digest = store_package(store, draft, payload, key, onnx)
        check_stored(store, manifest, digest, load_trusted_keys(settings.keys, "packages"))
    announce_trained(settings, manifest, digest)
    return TrainedVersion(
        model=manifest.model,
        version=manifest.version,
        digest=digest,
        manifest=manifest,
        why_task=data.task.why,
        why_estimator=why_estimator,
        why_time=data.time_column.why,
        split=data.split.how,
        rows_without_target=data.rows_without_target,
    )


def _draft(
    recipe: Recipe,
    settings: Settings,
    data: TrainingData,
    fitted: FittedModel,
    kind: EstimatorKind,
    payload: bytes,
) -> Manifest:
    """The manifest as far as it is known before the store gives a version number."""
    return Manifest(
        environment=settings.environment,
        model=recipe.model,
        version="0",
        task=data.task.task,
        schema=data.profile.schema,
        payload=Payload("joblib", sha256(payload), len(payload)),
        estimator=fitted.estimator,
        classes=fitted.classes,
        threshold=fitted.threshold,
        parameters=_parameters(recipe, data, kind),
        metrics=fitted.metrics,
        data=data.window,
        golden=golden_samples(fitted.scorer, data.columns),
        libraries=installed_libraries(),
        created_at=datetime.now(UTC),
        created_by=author(),
    )


def _parameters(recipe: Recipe, data: TrainingData, kind: EstimatorKind) -> dict[str, str]:
    """What is needed to train it again: the recipe's choices and the estimator's parameters."""
    pipeline = build_pipeline(kind, data.task.task, data.profile.schema, recipe.random_state)
    return {
        "estimator": kind,
        "final_fit": recipe.final_fit,
        "random_state": str(recipe.random_state),
        "split": data.split.how,
        **{name: str(value) for name, value in sorted(pipeline[-1].get_params().items())},
    }


def _parent(store: ModelStore, settings: Settings, model: str) -> str | None:
    """The version in service, or else the newest one, before this training."""
    deployed = deployed_version(settings, model)
    return deployed or next(reversed(store.versions(model)), None)


def _classes(data: TrainingData) -> int:
    return len(set(data.target.tolist())) if data.task.task == "classification" else 0
