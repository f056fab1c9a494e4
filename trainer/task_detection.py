"""Classification or regression: found out from the target column, and said why."""

from typing import Any

import numpy as np
import pandas as pd
from msgspec import Struct
from numpy.typing import NDArray

from contracts.errors import UsageError
from contracts.packages import Task
from contracts.tabular import feature_kind
from trainer.recipes import Recipe, TaskChoice

MOST_INTEGER_CLASSES = 20
LEAST_ROWS_PER_INTEGER = 5

TrainedTask = Task


class TaskDecision(Struct, frozen=True):
    """The task, and the reason in words for people."""

    task: TrainedTask
    why: str


def decide_tasks(frame: pd.DataFrame, recipe: Recipe) -> TaskDecision:
    """Decide what a recipe's targets ask for, of rows that have all of them.

    Raises:
        UsageError: as `decide_task`, and where classes and quantities are mixed.
    """
    if not recipe.targets:
        return TaskDecision(recipe.task, "as asked")  # type: ignore[arg-type]
    one = recipe.task if len(recipe.targets) == 1 else "auto"
    decisions = {name: decide_task(frame[name], one) for name in recipe.targets}
    if len(decisions) == 1:
        return next(iter(decisions.values()))
    tasks = {decision.task for decision in decisions.values()}
    if len(tasks) > 1:
        said = "; ".join(f"{decision.task}: {decision.why}" for decision in decisions.values())
        raise UsageError(
            f"an estimator foretells either classes or quantities, not both: {said}. Train a "
            "model for each"
        )
    whys = "; ".join(decision.why for decision in decisions.values())
    return TaskDecision("multi_output", f"{len(decisions)} targets for {tasks.pop()}: {whys}")


def decide_task(target: pd.Series, choice: TaskChoice = "auto") -> TaskDecision:
    """Decide the task from a target column without missing values.

    True/false and text are classes. Whole numbers are classes if there are at most 20 different
    ones, with 5 rows each on average: ratings and digits, but not years or counts of many sizes.
    Anything else is a quantity.

    Raises:
        UsageError: the column can be no target, or not for the chosen task.
    """
    name, kind = target.name, feature_kind(target)
    if kind is None:
        raise UsageError(
            f"the target '{name}' holds times, lists or a mixture: give a column of numbers, "
            "text or true/false"
        )
    different = target.nunique()
    if different < 2:
        raise UsageError(
            f"the target '{name}' is always '{target.iloc[0]}': there is nothing to learn; "
            "give data with at least two different outcomes"
        )
    decision = _detected(target, kind, different) if choice == "auto" else None
    decision = decision or TaskDecision(_chosen(choice), "as asked")
    if decision.task == "regression" and kind == "categorical":
        raise UsageError(f"the target '{name}' is text: regression needs numbers")
    if decision.task == "classification" and different > len(target) / 2:
        what = "texts" if kind == "categorical" else "values"
        raise UsageError(
            f"the target '{name}' has {different} different {what} in {len(target)} rows: a class "
            "needs several examples; choose another target"
            + ("" if kind == "categorical" else ", or --task regression")
        )
    return decision


def target_values(target: pd.Series, task: TrainedTask) -> NDArray[Any]:
    """The target as scikit-learn takes it: floats, or classes that sort in their natural order.

    Whole numbers become integers, so that a missing value elsewhere in the column (which makes
    pandas read floats) does not turn class 1 into 1.0.
    """
    kind = feature_kind(target)
    if task == "regression":
        return target.astype(float).to_numpy(dtype=np.float64)
    if kind == "boolean":
        return target.astype(bool).to_numpy()
    if kind == "numeric" and _whole(target):
        return target.astype(np.int64).to_numpy()
    return target.astype(str).to_numpy(dtype=object)


def _detected(target: pd.Series, kind: str, different: int) -> TaskDecision:
    if kind == "boolean":
        return TaskDecision("classification", f"'{target.name}' is true or false")
    if kind == "categorical":
        return TaskDecision("classification", f"'{target.name}' is text, {different} classes")
    if not _whole(target):
        return TaskDecision("regression", f"'{target.name}' holds numbers with fractions")
    enough = len(target) >= LEAST_ROWS_PER_INTEGER * different
    if different <= MOST_INTEGER_CLASSES and enough:
        return TaskDecision(
            "classification", f"'{target.name}' has only {different} different whole numbers"
        )
    return TaskDecision("regression", f"'{target.name}' has {different} different whole numbers")


def _whole(target: pd.Series) -> bool:
    numbers = target.to_numpy(dtype=np.float64)
    return bool((numbers == np.floor(numbers)).all() and (np.abs(numbers) < 2**53).all())


def _chosen(choice: TaskChoice) -> TrainedTask:
    return "regression" if choice == "regression" else "classification"
