"""Models made elsewhere, before they are packaged: estimator, schema and sample."""

from pathlib import Path
from typing import Any

import joblib
import msgspec
import pandas as pd
from msgspec import Struct

from contracts.errors import UsageError
from contracts.feature_schema import Feature
from contracts.packages import Costs, Task
from contracts.release_rules import CanaryRule, Gate
from contracts.tabular import read_table, require_columns


class ImportSchema(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model takes, and what it says.

    Args:
        features: in the order in which the estimator was fitted.
        task: None: the estimator says.
        target: the column, or columns, of the sample with what really happened.
        classes: the labels in the order of the probabilities, where the estimator knows them by
            numbers only; none: as the estimator has them.
        threshold: for two classes, the probability of the second from which it is predicted.
        costs: by class, for the label of least expected cost.
    """

    features: tuple[Feature, ...]
    task: Task | None = None
    target: str | tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    threshold: float | None = None
    costs: Costs | None = None
    gate: Gate = Gate()
    canary: CanaryRule | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns with what really happened."""
        return (self.target,) if isinstance(self.target, str) else self.target


class ForeignModel(Struct, frozen=True, kw_only=True):
    """A fitted estimator and what it cannot say of itself.

    Args:
        sample: rows as events will bring them, and with the targets' columns what the gate
            compares on.
        origin, sample_origin: where they come from, in words for people.
    """

    estimator: Any
    origin: str
    schema: ImportSchema
    sample: pd.DataFrame
    sample_origin: str


def read_files(estimator_file: Path, schema_file: Path, sample_file: Path) -> ForeignModel:
    """Read a model from a joblib file, a schema in JSON and a table.

    The file is unpickled here, which runs whatever its author put into it.

    Raises:
        UsageError: one of them cannot be read, or the sample lacks a column.
    """
    schema = read_schema(schema_file)
    return ForeignModel(
        estimator=_read_estimator(estimator_file),
        origin=estimator_file.name,
        schema=schema,
        sample=read_sample(sample_file, schema),
        sample_origin=str(sample_file),
    )


def read_schema(path: Path) -> ImportSchema:
    """Read a schema file.

    Raises:
        UsageError: it cannot be read, or names no features.
    """
    try:
        schema = msgspec.json.decode(path.read_bytes(), type=ImportSchema)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except msgspec.DecodeError as error:
        raise UsageError(
            f"{path} is no schema: {error}; it looks like "
            '{"features": [{"name": "amount", "kind": "numeric"}], "target": "was_fraud"}'
        ) from error
    if not schema.features:
        raise UsageError(f"{path} names no features")
    return schema


def read_sample(path: Path, schema: ImportSchema) -> pd.DataFrame:
    """Read a table that has every feature and target.

    Raises:
        UsageError: it cannot be read, or lacks a column.
    """
    sample = read_table(path)
    names = [feature.name for feature in schema.features]
    require_columns(sample, [*names, *schema.targets], path)
    return sample


def _read_estimator(path: Path) -> Any:
    try:
        return joblib.load(path)
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except Exception as error:  # unpickling runs code of any kind, so it can raise anything
        raise UsageError(f"{path} cannot be loaded here: {error!r}") from error
