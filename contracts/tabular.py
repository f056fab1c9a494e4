"""Tabular files as people bring them: one way of reading them for training and for replay.

Both must see the same value in the same cell, or the model meets other features than it learned.
"""

import math
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from contracts.errors import UsageError
from contracts.events import FeatureValue
from contracts.feature_schema import Feature, FeatureKind

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".json": "json lines",
    ".parquet": "parquet",
}
_EPOCH_SECONDS = (0.0, 4_102_444_800.0)
"""1970 to 2100: numbers in a column named like a time that are taken for epoch seconds."""


def read_table(path: Path, text_columns: Collection[str] = ()) -> pd.DataFrame:
    """Read a CSV, TSV, JSON-lines or Parquet file whole; empty cells become missing values.

    Args:
        text_columns: columns to read as text even if they look like numbers.

    Raises:
        UsageError: no such file, an unknown kind of file, empty, or it cannot be parsed.
    """
    kind = SUFFIXES.get("".join(path.suffixes[-1:]).lower())
    if kind is None:
        raise UsageError(f"{path}: cannot tell its format; known are {', '.join(SUFFIXES)}")
    text = dict.fromkeys(text_columns, str)
    try:
        if kind == "parquet":
            frame = pd.read_parquet(path)
        elif kind == "json lines":
            frame = pd.read_json(path, lines=True, dtype=False)
        else:
            frame = pd.read_csv(
                path, sep="\t" if kind == "tsv" else ",", dtype=text, low_memory=False
            )
    except FileNotFoundError:
        raise UsageError(f"there is no file {path}") from None
    except (ValueError, OSError) as error:
        raise UsageError(f"{path} cannot be read as {kind}: {error}") from error
    frame.columns = frame.columns.map(str)
    if frame.empty:
        raise UsageError(f"{path} has no rows")
    return frame


def require_columns(frame: pd.DataFrame, columns: Collection[str], source: object) -> None:
    """Check that a table has some columns.

    Raises:
        UsageError: one of them is not there; the sentence lists those that are.
    """
    for column in columns:
        if column not in frame.columns:
            raise UsageError(
                f"{source} has no column '{column}'; it has: {', '.join(frame.columns)}"
            )


def feature_kind(column: pd.Series) -> FeatureKind | None:
    """What kind of feature a column is, None if it is of no use (all empty, nested, dates)."""
    present = column.dropna()
    if present.empty or pd.api.types.is_datetime64_any_dtype(column):
        return None
    if (
        pd.api.types.is_bool_dtype(column)
        or present.map(lambda value: isinstance(value, bool)).all()
    ):
        return "boolean"
    if pd.api.types.is_numeric_dtype(column):
        return "numeric"
    return "categorical" if present.map(lambda value: isinstance(value, str)).all() else None


def times(column: pd.Series) -> pd.Series | None:
    """A column as UTC times if all its values are ISO 8601 dates, datetimes or epoch seconds.

    Numbers count only in a column whose name speaks of time.
    """
    if pd.api.types.is_datetime64_any_dtype(column):
        return pd.to_datetime(column, utc=True)
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        named = any(word in str(column.name).lower() for word in ("time", "date", "_at"))
        if named and column.between(*_EPOCH_SECONDS).all() and column.max() > 1e8:
            return pd.to_datetime(column, unit="s", utc=True)
        return None
    try:
        return pd.to_datetime(column, utc=True, format="ISO8601")
    except (ValueError, TypeError):
        return None


def feature_columns(frame: pd.DataFrame, features: Collection[Feature]) -> list[list[FeatureValue]]:
    """One list of plain values per feature; a cell that does not fit its kind is kept as text,
    for the worker to refuse it with a reason."""
    return [_values(frame[feature.name], feature.kind) for feature in features]


def _values(column: pd.Series, kind: FeatureKind) -> list[FeatureValue]:
    missing = column.isna().tolist()
    if kind == "datetime":
        moments = times(column)
        # Microseconds, as finely as JSON readers keep a time.
        if moments is not None:
            column = moments.map(pd.Timestamp.timestamp, na_action="ignore")
    convert = {
        "numeric": _number,
        "categorical": _text,
        "boolean": _truth,
        "text": _text,
        "datetime": _moment,
    }[kind]
    return [
        None if absent else convert(value)
        for value, absent in zip(column.tolist(), missing, strict=True)
    ]


def _number(value: object) -> FeatureValue:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return str(value)
    return number if math.isfinite(number) else str(value)  # JSON has no infinity


def _moment(value: object) -> FeatureValue:
    return value if isinstance(value, float | int | str) else str(value)


def _text(value: object) -> FeatureValue:
    return str(value)


def _truth(value: object) -> FeatureValue:
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower(), str(value))
