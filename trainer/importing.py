"""Models that were made elsewhere become signed packages like any other."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
from msgspec.structs import replace
from sklearn.base import is_classifier, is_clusterer, is_outlier_detector

from contracts.answers import label_text
from contracts.errors import UsageError
from contracts.evaluation import Truth, classes_of, outcome_metrics
from contracts.feature_schema import FeatureSchema
from contracts.keys import load_private_key, load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import installed_libraries
from contracts.packages import (
    DataWindow,
    Holdout,
    Manifest,
    Payload,
    PayloadFormat,
    Target,
    Task,
    sha256,
)
from contracts.payloads import dump_payload
from contracts.reference import named
from contracts.scorer import Columns, Scorer
from contracts.settings import Settings
from contracts.side_files import to_bytes
from contracts.tabular import feature_columns
from trainer.announcing import announce_trained
from trainer.author import author
from trainer.background import background_rows
from trainer.data_sets import fingerprint
from trainer.foreign_models import ForeignModel, ImportSchema
from trainer.gate.holdout import HeldOut
from trainer.golden import golden_samples
from trainer.onnx_form import with_onnx
from trainer.packaging import check_stored, store_package
from trainer.recipes import check_limits, check_model_name
from trainer.reference.answers import OutOfSample
from trainer.reference.building import build_reference

_LEAST_ROWS_OF_A_REFERENCE = 200


def import_model(
    settings: Settings, model: str, foreign: ForeignModel, payload: PayloadFormat = "joblib"
) -> tuple[Manifest, str]:
    """Package a fitted estimator or pipeline as the next version of a model.

    Golden samples are taken from its sample; where that has the targets' columns, it is what the
    gate compares on.

    Returns:
        The manifest as stored, and its digest.

    Raises:
        UsageError: estimator, schema and sample do not fit each other.
        ConfigurationError: there is no key to sign with.
        PackageError: a worker would refuse the package.
    """
    check_model_name(model)
    key = load_private_key(settings.keys, "packages")
    schema, estimator, sample = foreign.schema, foreign.estimator, foreign.sample
    check_limits(schema.gate.metrics)
    check_limits(schema.canary.metrics if schema.canary else {})
    _require_predict(estimator)
    features = FeatureSchema(schema.features, frame=_wants_frame(estimator, schema))
    task = schema.task or _task(estimator)
    targets = _targets(estimator, schema, task)
    classes = (schema.classes or _classes(estimator)) if task == "classification" else ()
    scorer = Scorer(task, features, estimator, classes, schema.threshold, targets, schema.costs)
    columns = feature_columns(sample, features.features)
    _check_sample(scorer, columns, foreign.sample_origin)
    data = dump_payload(payload, estimator)
    draft = Manifest(
        environment=settings.environment,
        model=model,
        version="0",
        task=task,
        schema=features,
        payload=Payload(payload, sha256(data), len(data)),
        estimator=type(estimator[-1] if hasattr(estimator, "steps") else estimator).__name__,
        classes=classes,
        threshold=schema.threshold,
        costs=schema.costs,
        targets=targets,
        parameters={"imported from": foreign.origin},
        data=DataWindow(
            source=foreign.sample_origin,
            fingerprint=fingerprint(sample),
            rows=len(sample),
            target=", ".join(schema.targets) or None,
        ),
        gate=schema.gate,
        canary=schema.canary,
        why_no_importance="the model was made elsewhere",
        golden=golden_samples(scorer, columns),
        background=background_rows(features.names, columns, np.arange(len(sample))),
        libraries=installed_libraries(),
        created_at=datetime.now(UTC),
        created_by=author(),
    )
    draft, held_out = _with_holdout(draft, scorer, columns, _truth(sample, schema, task))
    draft, reference = _with_reference(draft, scorer, columns, _truth(sample, schema, task))
    draft, onnx = with_onnx(draft, estimator, columns)
    store = ModelStore(settings.store_url)
    manifest, digest = store_package(store, draft, data, key, onnx, held_out, reference)
    check_stored(store, manifest, digest, load_trusted_keys(settings.keys, "packages"))
    announce_trained(settings, manifest, digest)
    return manifest, digest


def _require_predict(estimator: Any) -> None:
    if not hasattr(estimator, "predict"):
        raise UsageError(
            f"{type(estimator).__name__} cannot score new rows: it has no 'predict'; some "
            "clusterings have none"
        )


def _wants_frame(estimator: Any, schema: ImportSchema) -> bool:
    """Whether it was fitted on a data frame, whose columns must then be the features."""
    fitted = getattr(estimator, "feature_names_in_", None)
    if fitted is None:
        return False
    names = [feature.name for feature in schema.features]
    if list(fitted) != names:
        raise UsageError(
            f"the estimator was fitted on the columns {', '.join(map(str, fitted))}, and the "
            f"schema names {', '.join(names)}: name the same in the same order"
        )
    return True


def _task(estimator: Any) -> Task:
    several = isinstance(getattr(estimator, "classes_", None), list)
    if is_classifier(estimator):
        return "multi_output" if several else "classification"
    if is_clusterer(estimator):
        return "clustering"
    return "anomaly" if is_outlier_detector(estimator) else "regression"


def _classes(estimator: Any) -> tuple[str, ...]:
    return tuple(label_text(value) for value in np.asarray(estimator.classes_).tolist())


def _targets(estimator: Any, schema: ImportSchema, task: Task) -> tuple[Target, ...]:
    if task != "multi_output":
        return ()
    if not schema.targets:
        raise UsageError("the estimator has several outputs: name them in 'target' of the schema")
    classes = getattr(estimator, "classes_", None)
    if not isinstance(classes, list):
        return tuple(Target(name) for name in schema.targets)
    if len(classes) != len(schema.targets):
        raise UsageError(
            f"the estimator has {len(classes)} outputs, the schema names {len(schema.targets)}"
        )
    return tuple(
        Target(name, tuple(label_text(value) for value in np.asarray(values).tolist()))
        for name, values in zip(schema.targets, classes, strict=True)
    )


def _check_sample(scorer: Scorer, columns: Columns, path: str) -> None:
    problems = scorer.schema.problems(columns)
    if problems:
        row, why = next(iter(problems.items()))
        raise UsageError(f"{path}, row {row + 1}: {why}; is the schema right?")
    try:
        scorer.predict(columns)
    except Exception as error:  # an estimator may raise anything
        raise UsageError(f"the estimator cannot score {path}: {error!r}") from error


def _truth(sample: Any, schema: ImportSchema, task: Task) -> Truth:
    if not set(schema.targets) <= set(sample.columns):
        return {}
    quantities = task == "regression"
    return {
        name: [float(v) for v in sample[name]]
        if quantities or (task == "multi_output" and sample[name].dtype == np.float64)
        else [label_text(v) for v in sample[name].tolist()]
        for name in schema.targets
    }


def _with_reference(
    draft: Manifest, scorer: Scorer, columns: Columns, truth: Truth
) -> tuple[Manifest, bytes | None]:
    """The sample says what the data looks like if it has enough rows; it has no times."""
    rows = len(columns[0])
    if rows < _LEAST_ROWS_OF_A_REFERENCE:
        return draft, None
    answers = OutOfSample(np.arange(rows, dtype=np.intp), scorer.predict(columns))
    reference = build_reference(
        scorer.schema, columns, None, answers, truth, draft.classes, draft.monitor
    )
    data = to_bytes(reference)
    return replace(draft, reference=named(data)), data


def _with_holdout(
    draft: Manifest, scorer: Scorer, columns: Columns, truth: Truth
) -> tuple[Manifest, bytes | None]:
    if not truth:
        return draft, None
    outcomes = scorer.predict(columns)
    figures = outcome_metrics(outcomes, truth, classes_of(draft, truth), draft.costs)
    held_out = to_bytes(
        HeldOut(
            task=draft.task,
            features=dict(zip(scorer.schema.names, map(list, columns), strict=True)),
            truth={name: list(values) for name, values in truth.items()},
        )
    )
    rows = len(columns[0])
    holdout = Holdout(sha256(held_out), len(held_out), rows, figures)
    return replace(draft, holdout=holdout, metrics={"test": figures}), held_out
