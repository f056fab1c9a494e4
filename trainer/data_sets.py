"""The data of a recipe as a table: read, cut to its window, without what no estimator can take."""

import hashlib
import importlib
import os
import sys
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from contracts.errors import UsageError
from contracts.tabular import read_table
from trainer.recipes import SOURCE_FUNCTION, Recipe

FrameFunction = Callable[[datetime | None, datetime | None], pd.DataFrame]


def read_data(recipe: Recipe) -> pd.DataFrame:
    """Read the recipe's file, or call its function.

    Returns:
        One row per example; the columns are text, numbers, booleans or times.

    Raises:
        UsageError: it cannot be read, or the function is not there or returns no rows.
    """
    if SOURCE_FUNCTION.match(recipe.data) and not Path(recipe.data).exists():
        function: FrameFunction = imported(recipe.data, "data function")
        frame = function(recipe.start, recipe.end)
        if frame.empty:
            raise UsageError(f"{recipe.data} has no rows in the recipe's window")
    else:
        frame = read_table(Path(recipe.data))
    unnamed = [column for column in frame.columns if not str(column).strip()]
    if unnamed:
        raise UsageError(f"{recipe.data} has a column without a name: name it or take it out")
    repeated = frame.columns[frame.columns.duplicated()]
    if len(repeated):
        raise UsageError(f"{recipe.data} has two columns '{repeated[0]}': rename one")
    return frame.apply(_plain)


def fingerprint(frame: pd.DataFrame) -> str:
    """The sha256 of a table's content: column names and every cell, in order."""
    digest = hashlib.sha256("\0".join(map(str, frame.columns)).encode())
    for name in frame.columns:
        column = frame[name]
        try:
            hashes = pd.util.hash_pandas_object(column, index=False)
        except TypeError:  # lists and the like
            hashes = pd.util.hash_pandas_object(column.map(repr), index=False)
        digest.update(hashes.to_numpy().tobytes())
    return digest.hexdigest()


def imported(name: str, what: str) -> Any:
    """What `module:name` stands for; the working directory counts as an import path.

    Raises:
        UsageError: it cannot be imported.
    """
    module, attribute = name.split(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # the command is a script: its folder is no import path
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"the {what} '{name}' cannot be imported: {error}") from error


def _plain(column: pd.Series) -> pd.Series:
    """Numbers as numbers, whatever the file wrapped them in; infinity counts as missing,
    because JSON has none and no estimator takes it."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if column.dtype == object and _all_numbers(column):
        column = column.astype(float)
    if pd.api.types.is_float_dtype(column):
        column = column.mask(np.isinf(column.to_numpy(dtype=float, na_value=np.nan)))
    return column


def _all_numbers(column: pd.Series) -> bool:
    present = column.dropna()
    return not present.empty and all(
        isinstance(value, int | float | Decimal) and not isinstance(value, bool)
        for value in present
    )
