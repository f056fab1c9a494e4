"""Training from end to end: a recipe in, a stored and checked model version out."""

import os
from datetime import UTC, datetime

from msgspec import Struct, to_builtins
from msgspec.structs import replace
from rich.console import Console
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from contracts.control_topic import deployed_version
from contracts.keys import load_private_key, load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import installed_libraries
from contracts.packages import Holdout, Manifest, Payload, sha256
from contracts.payloads import dump_payload
from contracts.reference import named
from contracts.settings import Settings
from contracts.side_files import to_bytes
from trainer.announcing import announce_trained
from trainer.author import author
from trainer.background import background_rows
from trainer.fitting import FittedModel, fit_model
from trainer.gate.holdout import HeldOut, chosen_rows
from trainer.golden import golden_samples
from trainer.importance import with_importance
from trainer.logged_data import from_log
from trainer.onnx_form import with_onnx
from trainer.packaging import check_stored, store_package
from trainer.planning import plan
from trainer.preparing import TrainingData, prepare
from trainer.progress import Steps
from trainer.recipes import LOG, Recipe, check_recipe
from trainer.reference.building import build_reference
from trainer.splitting import Rows
from trainer.tuning import tuned


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
        ConfigurationError: there is no key to sign with, or tuning is not installed.
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
    parent = _parent(store, settings, recipe.model)
    with steps.step(f"reading {recipe.data}"):
        frame = None
        if recipe.data.startswith(LOG):
            recipe, frame = from_log(recipe, settings, store)
        data = prepare(recipe, store.features(recipe.model, parent), frame)
    planned = plan(recipe, data)
    steps.say(
        f"{data.window.rows:,} rows, {len(data.profile.schema.features)} features; "
        f"{data.task.task}: {data.task.why}; split {data.split.how}"
    )
    planned, record = tuned(recipe, data, planned, settings.state_dir, steps)
    held_out_rows = data.split.test[chosen_rows(len(data.split.test))]
    with steps.step(f"fitting and evaluating, {planned.kind}: {planned.why}"):
        fitted = fit_model(planned.build, data.examples, data.split, held_out_rows, recipe)
    payload = dump_payload(recipe.payload, fitted.scorer.estimator)
    rows = _held_out(data, held_out_rows)
    held_out = to_bytes(rows)
    draft = _draft(recipe, settings, data, fitted, planned.kind, payload, held_out)
    with steps.step("measuring what each feature is worth"):
        draft = with_importance(draft, recipe, fitted.honest, rows)
    with steps.step("describing the data, for drift to be measured against"):
        reference = _reference(recipe, data, fitted)
    with steps.step(f"packaging into {store.url}"):
        draft, onnx = with_onnx(draft, fitted.scorer.estimator, data.examples.columns)
        draft = replace(draft, parent=parent, tuning=record, reference=named(reference))
        manifest, digest = store_package(store, draft, payload, key, onnx, held_out, reference)
        check_stored(store, manifest, digest, load_trusted_keys(settings.keys, "packages"))
    announce_trained(settings, manifest, digest)
    return TrainedVersion(
        model=manifest.model,
        version=manifest.version,
        digest=digest,
        manifest=manifest,
        why_task=data.task.why,
        why_estimator=planned.why,
        why_time=data.time_column.why,
        split=data.split.how,
        rows_without_target=data.rows_without_target,
    )


def _draft(
    recipe: Recipe,
    settings: Settings,
    data: TrainingData,
    fitted: FittedModel,
    kind: str,
    payload: bytes,
    held_out: bytes,
) -> Manifest:
    """The manifest as far as it is known before the store gives a version number."""
    return Manifest(
        environment=settings.environment,
        model=recipe.model,
        version="0",
        task=data.task.task,
        schema=data.profile.schema,
        payload=Payload(recipe.payload, sha256(payload), len(payload)),
        estimator=fitted.estimator,
        classes=fitted.classes,
        threshold=fitted.threshold,
        costs=recipe.costs,
        targets=fitted.targets,
        parameters=_parameters(recipe, data, fitted, kind),
        metrics=fitted.metrics,
        data=data.window,
        holdout=Holdout(
            sha256(held_out), len(held_out), int(fitted.held_out["rows"]), fitted.held_out
        ),
        gate=recipe.gate,
        canary=recipe.canary,
        monitor=recipe.monitor,
        retrain=recipe.retrain,
        recipe=to_builtins(recipe),
        golden=golden_samples(fitted.scorer, data.examples.columns),
        background=background_rows(
            data.profile.schema.names, data.examples.columns, data.split.before_test
        ),
        libraries=installed_libraries(),
        created_at=datetime.now(UTC),
        created_by=author(),
    )


def _reference(recipe: Recipe, data: TrainingData, fitted: FittedModel) -> bytes:
    examples, unseen = data.examples, fitted.unseen
    return to_bytes(
        build_reference(
            examples.schema,
            examples.columns,
            data.moments,
            unseen,
            examples.truth(unseen.rows),
            fitted.classes,
            recipe.monitor,
            recipe.random_state,
        )
    )


def _held_out(data: TrainingData, rows: Rows) -> HeldOut:
    examples = data.examples
    columns = dict(zip(examples.schema.names, examples.columns, strict=True)) | data.beside
    return HeldOut(
        task=examples.task,
        features={name: [column[row] for row in rows] for name, column in columns.items()},
        truth={name: list(values) for name, values in examples.truth(rows).items()},
    )


def _parameters(
    recipe: Recipe, data: TrainingData, fitted: FittedModel, kind: str
) -> dict[str, str]:
    """What is needed to train it again: the recipe's choices and the estimator's parameters."""
    last = fitted.scorer.estimator[-1]  # type: ignore[index]
    return {
        "estimator": kind,
        "final_fit": recipe.final_fit,
        "random_state": str(recipe.random_state),
        "split": data.split.how,
        **{name: str(value) for name, value in sorted(last.get_params().items())},
    }


def _parent(store: ModelStore, settings: Settings, model: str) -> str | None:
    """The version in service, or else the newest one, before this training."""
    deployed = deployed_version(settings, model)
    return deployed or next(reversed(store.versions(model)), None)
