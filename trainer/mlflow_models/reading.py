"""A model folder of MLflow, with the flavor of scikit-learn, as a model made elsewhere."""

from pathlib import Path
from typing import Any

import msgspec
import pandas as pd

from contracts.errors import UsageError
from contracts.feature_schema import Feature, FeatureKind
from trainer.foreign_models import ForeignModel, ImportSchema, read_sample, read_schema
from trainer.mlflow_models.library import OURS, mlflow_library

_KINDS: dict[str, FeatureKind] = {
    **dict.fromkeys(("double", "float", "integer", "long"), "numeric"),
    "boolean": "boolean",
    "string": "categorical",
}


def read_from_mlflow(
    source: str, schema_file: Path | None, sample_file: Path | None
) -> ForeignModel:
    """Read a model with the flavor of scikit-learn.

    It is unpickled here; by skops too it may hold whatever its author lets it.

    Args:
        source: a folder, or a URI that MLflow resolves.
        schema_file: None: what Millrace wrote into the folder, or else the model's signature.
        sample_file: None: the model's input example.

    Raises:
        ConfigurationError: MLflow is not installed.
        UsageError: there is no such model, it has no signature or example, or they do not fit.
    """
    mlflow = mlflow_library()
    try:
        folder = mlflow.artifacts.download_artifacts(artifact_uri=source)
        described = mlflow.models.Model.load(folder)
        estimator = mlflow.sklearn.load_model(folder)
    except Exception as error:  # of its stores, of files, and of what is unpickled
        raise UsageError(f"{source} is no scikit-learn model of MLflow: {error}") from error
    ours = (described.metadata or {}).get(OURS)
    if schema_file is not None:
        schema = read_schema(schema_file)
    elif ours is not None:
        schema = _our_schema(source, ours)
    else:
        schema = ImportSchema(features=_features(source, described.signature))
    if sample_file is not None:
        sample = read_sample(sample_file, schema)
    else:
        sample = _example(source, described.load_input_example(folder), schema)
    return ForeignModel(
        estimator=estimator,
        origin=f"MLflow, {source}",
        schema=schema,
        sample=sample,
        sample_origin=str(sample_file or f"{source}, input example"),
    )


def _our_schema(source: str, said: Any) -> ImportSchema:
    try:
        return msgspec.convert(said["schema"], ImportSchema)
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        raise UsageError(
            f"what Millrace wrote into {source} cannot be read ({error}): give --schema FILE"
        ) from error


def _features(source: str, signature: Any) -> tuple[Feature, ...]:
    """The features of a signature; strings are taken for categories."""
    inputs = signature.inputs if signature is not None else None
    if inputs is None or not inputs.has_input_names() or inputs.is_tensor_spec():
        raise UsageError(
            f"{source} has no signature that names its columns: name them with --schema FILE"
        )
    features = []
    for column in inputs:
        kind = _KINDS.get(getattr(column.type, "name", str(column.type)))
        if kind is None:
            raise UsageError(
                f"column '{column.name}' of {source} is {column.type}, which no feature is: say "
                "with --schema FILE what it is"
            )
        features.append(Feature(column.name, kind, nullable=not column.required))
    return tuple(features)


def _example(source: str, example: Any, schema: ImportSchema) -> pd.DataFrame:
    names = [feature.name for feature in schema.features]
    if not isinstance(example, pd.DataFrame) or not set(names) <= set(example.columns):
        raise UsageError(
            f"{source} has no input example with the columns {', '.join(names)}: give rows with "
            "--sample FILE"
        )
    truths = [f.name for f in schema.features if f.kind == "boolean"]
    # As estimators take them truth values are 0 and 1, or missing.
    return example.assign(**{n: example[n].astype("Float64").astype("boolean") for n in truths})
