"""Which columns of a table are features, which is the time, and why the others are left out."""

import re
from datetime import date

import pandas as pd
from msgspec import Struct

from contracts.errors import UsageError
from contracts.feature_schema import Feature, FeatureKind, FeatureSchema
from contracts.tabular import feature_kind, require_columns, times
from trainer.recipes import Recipe
from trainer.splitting import Rows

LEAST_ROWS = 20
LEAST_WORDS = 4
"""Of a text for reading, on average."""

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
    named = [*recipe.targets, *recipe.exclude, *recipe.nullable, *recipe.kinds, *time_column]
    require_columns(frame, named, recipe.data)
    if recipe.time_column in recipe.targets:
        raise UsageError(f"'{recipe.time_column}' cannot be both the target and the time column")


def labelled_rows(frame: pd.DataFrame, recipe: Recipe) -> pd.DataFrame:
    """The rows that have every target.

    Raises:
        UsageError: there are too few.
    """
    labelled = frame[frame[list(recipe.targets)].notna().all(axis=1)].reset_index(drop=True)
    if len(labelled) < LEAST_ROWS:
        named = "', '".join(recipe.targets)
        having = f" with a value in '{named}'" if named else ""
        raise UsageError(
            f"{recipe.data} has {len(labelled)} rows{having}: give at least {LEAST_ROWS}"
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
        if name in recipe.targets:
            continue
        asked = recipe.kinds.get(name)
        kind = asked or _kind(frame[name])
        reason = "excluded by the recipe" if name in recipe.exclude else None
        if asked is None:
            reason = reason or ("the time column" if name == time_column else None)
            reason = reason or _useless(frame[name], kind)
        elif reason is None:
            _require_kind(frame[name], asked)
        if reason is None and train is not None and frame[name].iloc[train].isna().all():
            reason = "empty in the training rows"
        if reason is None and kind is not None:
            nullable = name in recipe.nullable or bool(frame[name].isna().any())
            features.append(Feature(name, kind, nullable))
        else:
            left_out[name] = reason or "of no use"
    if not features:
        raise UsageError(
            f"{recipe.data} has no column to learn {_what(recipe)} from; left out were: "
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
        if name in recipe.targets or name in recipe.exclude or name in recipe.kinds:
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


def _what(recipe: Recipe) -> str:
    return "'" + "', '".join(recipe.targets) + "'" if recipe.targets else "anything"


def _kind(column: pd.Series) -> FeatureKind | None:
    """As the values say; texts of several words that are seldom the same are for reading."""
    kind = feature_kind(column)
    if kind != "categorical":
        return kind
    present = column.dropna()
    words = present.str.count(r"\s+") + 1
    several = words.mean() >= LEAST_WORDS and present.nunique() > len(present) / 2
    return "text" if several else kind


def _require_kind(column: pd.Series, kind: FeatureKind) -> None:
    """Refuse a kind that the recipe asks for and the values cannot have."""
    found = feature_kind(column)
    fits = {
        "numeric": found in ("numeric", "boolean"),
        "boolean": found == "boolean",
        "categorical": True,
        "text": found == "categorical",
        "datetime": times(column.dropna()) is not None,
    }
    if not fits[kind]:
        raise UsageError(f"the column '{column.name}' is not of the kind '{kind}'")


def _useless(column: pd.Series, kind: FeatureKind | None) -> str | None:
    present = column.dropna()
    if present.empty:
        return "empty"
    if _is_time(column):
        return "a time, but not the time column; the kind 'datetime' makes it a feature"
    if kind == "text":
        return None
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
