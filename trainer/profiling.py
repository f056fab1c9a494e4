"""Which columns of a table are features, which is the time, and why the others are left out."""

import re
from datetime import date

import pandas as pd
from msgspec import Struct

from contracts.errors import UsageError
from contracts.feature_schema import Feature, FeatureSchema
from contracts.tabular import feature_kind, require_columns, times
from trainer.recipes import Recipe
from trainer.splitting import Rows

LEAST_ROWS = 20

_ID_NAME = re.compile(r"^(id|uuid|index|row|rowid|row_?(number|num|no)|unnamed.*|.*[_ -]id)$")
_LOOKS_LIKE_TIME = re.compile(r"^\d{4}-\d{2}-\d{2}")


class TimeColumn(Struct, frozen=True):
    """The column rows are split by, None if there is none, and how that was found."""

    name: str | None
    why: str


class Profile(Struct, frozen=True):
    """The features a table offers; `left_out`: column -> the reason in words for people."""

    schema: FeatureSchema
    left_out: dict[str, str]


def check_columns(frame: pd.DataFrame, recipe: Recipe) -> None:
    """Check that the columns the recipe speaks of are there.

    Raises:
        UsageError: one is not, or one is both the target and the time.
    """
    time_column = [recipe.time_column] if recipe.time_column else []
    named = [recipe.target, *recipe.exclude, *recipe.nullable, *time_column]
    require_columns(frame, named, recipe.data)
    if recipe.target == recipe.time_column:
        raise UsageError(f"'{recipe.target}' cannot be both the target and the time column")


def labelled_rows(frame: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """The rows that have a target.

    Raises:
        UsageError: there are too few.
    """
    labelled = frame[frame[recipe.target].notna()].reset_index(drop=True)
    if len(labelled) < LEAST_ROWS:
        raise UsageError(
            f"{recipe.data} has {len(labelled)} rows with a value in '{recipe.target}': "
            f"give at least {LEAST_ROWS}"
        )
    return labelled


def profile(
    frame: pd.DataFrame, recipe: Recipe, time_column: str | None, train: Rows | None = None
) -> Profile:
    """Look at every column but the target.

    A feature that has missing values here, or that the recipe calls nullable, may be missing in
    events as well; others may not.

    Args:
        train: the rows a model is fitted on first; a column must have a value in one of them.

    Raises:
        UsageError: nothing is left to learn from.
    """
    features: list[Feature] = []
    left_out: dict[str, str] = {}
    for name in frame.columns:
        if name == recipe.target:
            continue
        reason = "excluded by the recipe" if name in recipe.exclude else None
        reason = "the time column" if name == time_column else reason
        reason = reason or _useless(frame[name])
        if reason is None and train is not None and frame[name].iloc[train].isna().all():
            reason = "empty in the training rows"
        kind = feature_kind(frame[name])
        if reason is None and kind is not None:
            nullable = name in recipe.nullable or bool(frame[name].isna().any())
            features.append(Feature(name, kind, nullable))
        else:
            left_out[name] = reason or "of no use"
    if not features:
        raise UsageError(
            f"{recipe.data} has no column to learn '{recipe.target}' from; left out were: "
            + ("; ".join(f"{name} ({why})" for name, why in left_out.items()) or "none")
        )
    return Profile(FeatureSchema(tuple(features)), left_out)


def find_time_column(frame: pd.DataFrame, recipe: Recipe) -> TimeColumn:
    """The recipe's time column, or else the first that holds a time in every row.

    Raises:
        UsageError: the named column holds no times, or a window needs a time and there is none.
    """
    if recipe.time_column is not None:
        column = frame[recipe.time_column]
        if column.isna().any() or times(column) is None:
            raise UsageError(
                f"the time column '{recipe.time_column}' must hold an ISO 8601 time or epoch "
                "seconds in every row (epoch seconds in a column called time, date or …_at)"
            )
        return TimeColumn(recipe.time_column, "as asked")
    for name in frame.columns:
        if name == recipe.target or name in recipe.exclude:
            continue
        column = frame[name]
        if column.notna().all() and _is_time(column) and column.nunique() > 1:
            return TimeColumn(name, "found by its values; --time-column names another")
    if recipe.start or recipe.end:
        raise UsageError(
            f"{recipe.data} has no time column, so the recipe can have no start and end: "
            "name one with time_column"
        )
    return TimeColumn(None, "no column holds times")


def _is_time(column: pd.Series) -> bool:
    """Text counts only if it starts like a date: '2013' alone is more likely a code."""
    present, kind = column.dropna(), feature_kind(column)
    if present.empty:
        return False
    if kind == "categorical" and not _LOOKS_LIKE_TIME.match(present.iloc[0]):
        return False
    if kind is None and not present.map(lambda value: isinstance(value, date)).all():
        return False
    return times(column) is not None


def _useless(column: pd.Series) -> str | None:
    present, kind = column.dropna(), feature_kind(column)
    if present.empty:
        return "empty"
    if _is_time(column):
        return "a time, but not the time column"
    if kind is None:
        return "not all numbers, all text or all true/false"
    different, complete = present.nunique(), len(present) == len(column)
    if different == 1 and complete:
        return "always the same"
    if kind == "categorical" and different == len(present) > 1:
        return "text that is different in every row, like an id"
    if kind == "numeric" and complete and different == len(column) and _is_id(column):
        return "a number that is different in every row, called like an id"
    return None


def _is_id(column: pd.Series) -> bool:
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(column.name)).lower()
    return bool(_ID_NAME.match(name)) and bool((column == column.round()).all())
