"""From a recipe to everything that fitting needs: features, target, task, split, provenance."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from msgspec import Struct
from numpy.typing import NDArray

from contracts.errors import UsageError
from contracts.events import FeatureValue
from contracts.feature_schema import Feature
from contracts.packages import DataWindow
from contracts.tabular import feature_columns, times
from trainer.data_sets import fingerprint, read_data
from trainer.fitting import Examples
from trainer.profiling import (
    Profile,
    TimeColumn,
    check_columns,
    find_time_column,
    labelled_rows,
    profile,
)
from trainer.recipes import Recipe, as_utc
from trainer.splitting import Split, require_classes, split_at_random, split_by_time
from trainer.task_detection import (
    TaskDecision,
    TrainedTask,
    decide_task,
    decide_tasks,
    target_values,
)


class TrainingData(Struct, frozen=True):
    """The data of a recipe, understood.

    Args:
        examples: the n rows as they are learned from.
        moments: times of the n rows, seconds; None: they have none.
        beside: columns that are no features here, and that another version needs.
        rows_without_target: rows of the window that were dropped.
    """

    task: TaskDecision
    profile: Profile
    time_column: TimeColumn
    examples: Examples
    split: Split
    window: DataWindow
    rows_without_target: int
    moments: NDArray[np.float64] | None
    beside: dict[str, list[FeatureValue]]


def prepare(
    recipe: Recipe, needed: Sequence[Feature] = (), frame: pd.DataFrame | None = None
) -> TrainingData:
    """Read the data and decide what it is.

    Args:
        needed: the features of the version that serves, which will be compared on rows of this
            data.
        frame: the data, where it was read already.

    Raises:
        UsageError: it cannot be trained on; the sentence says why.
    """
    frame = read_data(recipe) if frame is None else frame
    check_columns(frame, recipe)
    time_column = find_time_column(frame, recipe)
    frame = _in_window(frame, recipe, time_column.name)
    labelled = labelled_rows(frame, recipe)
    task = decide_tasks(labelled, recipe)
    targets = {name: _values(labelled[name], task.task) for name in recipe.targets}
    moments = None if time_column.name is None else times(labelled[time_column.name])
    split = _split(targets, moments, len(labelled), recipe)
    found = profile(labelled, recipe, time_column.name, split.train)
    columns = feature_columns(labelled, found.schema.features)
    other = [f for f in needed if f.name in labelled and f.name not in found.schema.names]
    return TrainingData(
        task,
        found,
        time_column,
        Examples(task.task, found.schema, columns, targets),
        split,
        DataWindow(
            source=recipe.data,
            fingerprint=fingerprint(labelled),
            rows=len(labelled),
            target=", ".join(recipe.targets) or None,
            time_column=time_column.name,
            start=None if moments is None else moments.min().to_pydatetime(),
            end=None if moments is None else moments.max().to_pydatetime(),
            left_out=found.left_out,
        ),
        len(frame) - len(labelled),
        None if moments is None else _seconds(moments),
        {f.name: values for f, values in zip(other, feature_columns(labelled, other), strict=True)},
    )


def _seconds(moments: pd.Series) -> NDArray[np.float64]:
    since = moments - pd.Timestamp(0, tz="UTC")
    return np.asarray(since / pd.Timedelta(seconds=1), dtype=np.float64)


def _values(column: pd.Series, task: TrainedTask) -> NDArray[Any]:
    own = decide_task(column).task if task == "multi_output" else task
    return target_values(column, own)


def _in_window(frame: pd.DataFrame, recipe: Recipe, time_column: str | None) -> pd.DataFrame:
    if time_column is None or (recipe.start is None and recipe.end is None):
        return frame
    moments = times(frame[time_column])
    assert moments is not None  # find_time_column has seen it
    chosen = pd.Series(True, index=frame.index)
    if recipe.start is not None:
        chosen &= moments >= as_utc(recipe.start)
    if recipe.end is not None:
        chosen &= moments < as_utc(recipe.end)
    if not chosen.any():
        raise UsageError(
            f"no row of {recipe.data} lies in the recipe's window; its times go from "
            f"{moments.min():%Y-%m-%d %H:%M} to {moments.max():%Y-%m-%d %H:%M} UTC"
        )
    return frame[chosen]


def _split(
    targets: dict[str, NDArray[Any]], moments: pd.Series | None, rows: int, recipe: Recipe
) -> Split:
    """With several targets the shares of the first one's classes are kept equal."""
    first = next(iter(targets.values()), np.zeros(rows))
    classify = first.dtype != np.float64
    if moments is None:
        return split_at_random(first, recipe.random_state, stratified=classify)
    known = recipe.test_after
    unseen = None if known is None else int((moments > as_utc(known)).sum())
    split = split_by_time(np.asarray(moments.astype("int64"), dtype=np.int64), unseen)
    if classify:
        require_classes(first, split)
    return split
