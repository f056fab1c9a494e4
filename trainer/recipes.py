"""The recipe: everything that decides how a model is trained, from the command line or a file."""

import re
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
from msgspec import Struct

from contracts.errors import UsageError
from contracts.events import MODEL_NAME_PATTERN
from contracts.feature_schema import FeatureKind
from contracts.packages import Costs, PayloadFormat
from contracts.release_rules import (
    HIGHER_IS_BETTER,
    LOWER_IS_BETTER,
    CanaryRule,
    Gate,
    Limit,
    MonitorRule,
    RetrainRule,
)
from trainer.search_spaces import Tuning, check_tuning

TaskChoice = Literal[
    "auto", "classification", "regression", "multi_output", "clustering", "anomaly"
]
EstimatorChoice = Literal["auto", "linear", "forest", "boosting", "kmeans", "isolation_forest"]
FinalFit = Literal["before_test", "all"]
WITHOUT_TARGET = ("clustering", "anomaly")

SOURCE_FUNCTION = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")
"""`module:function` as the data or the estimator of a recipe."""
LOG = "log:"
"""Before the name of a model: what its versions served, with labels, is the data."""


class Recipe(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How to train one model.

    Args:
        data: a CSV, TSV, JSON-lines or Parquet file; `log:MODEL`, what versions of a model served
            and what really happened; or `module:function`, which is called with `start` and `end`
            and returns a DataFrame.
        target: the column to foretell, or several; none for clustering and anomaly.
        task: `auto` finds it out from the target column.
        estimator: `auto` chooses by the number of rows; `module:name` is a class or function that
            gives an estimator or a whole pipeline, which workers must be able to import too.
        parameters: of the estimator.
        kinds: columns whose kind is to be another than their values say, above all `text` and
            `datetime`.
        time_column: rows are split by it, oldest first; None: found out.
        start, end: only rows of this window, [start, end), by the time column.
        test_after: the test has no rows up to then, if there are enough of later ones: what a
            version that it is compared with was not trained on; at most the newest 20 %.
        exclude: columns that are no features.
        nullable: features that events may lack, even if no row of the data does.
        final_fit: rows that the packaged model is fitted on. `before_test`: the 80 % before the
            test, so that the test figures are its own. `all`: every row, once the figures are
            taken; for data whose newest rows matter most. The figures are then those of the same
            pipeline before it saw the test rows.
        costs: of the two kinds of mistakes between two classes: the threshold is chosen by them;
            or by class, in a file as true class -> answered class -> cost: the label is the one
            of least expected cost.
        payload: how the estimator is written; `skops` loads without unpickling.
        gate: what a version must show before it serves.
        canary: when a canary is promoted or rolled back by itself; none: never.
        monitor: how it is watched while it serves.
        retrain: when it is trained again from the log; none: never.
        tuning: how better parameters are looked for; none: they are as they are.
        importance: whether it is measured what each feature is worth.
        random_state: seed of the random split, of the estimators and of tuning.
    """

    model: str
    data: str
    target: str | tuple[str, ...] = ()
    task: TaskChoice = "auto"
    estimator: str = "auto"
    parameters: dict[str, Any] = {}
    kinds: dict[str, FeatureKind] = {}
    time_column: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    test_after: datetime | None = None
    exclude: tuple[str, ...] = ()
    nullable: tuple[str, ...] = ()
    final_fit: FinalFit = "before_test"
    costs: Costs | None = None
    payload: PayloadFormat = "joblib"
    gate: Gate = Gate()
    canary: CanaryRule | None = None
    monitor: MonitorRule = MonitorRule()
    retrain: RetrainRule | None = None
    tuning: Tuning | None = None
    importance: bool = True
    random_state: int = 0

    @property
    def targets(self) -> tuple[str, ...]:
        """The columns to foretell."""
        return (self.target,) if isinstance(self.target, str) else self.target


def read_recipe(path: Path) -> Recipe:
    """Read a recipe from a TOML file; a relative `data` path counts from the file's folder.

    Raises:
        UsageError: no such file, not TOML, or a value that a recipe cannot have.
    """
    try:
        values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        recipe = msgspec.convert({k: _understood(k, v) for k, v in values.items()}, Recipe)
    except FileNotFoundError:
        raise UsageError(f"there is no recipe {path}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path} cannot be read as TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise UsageError(f"{path} is no recipe: {error}") from error
    if recipe.data.startswith(LOG) or SOURCE_FUNCTION.match(recipe.data):
        return recipe
    return msgspec.structs.replace(recipe, data=str(path.parent / recipe.data))


def check_recipe(recipe: Recipe) -> None:
    """Refuse what no data could make right.

    Raises:
        UsageError: the model's name, the task, the estimator, the tuning or the window.
    """
    check_model_name(recipe.model)
    for what, given, choices in (
        ("task", recipe.task, get_args(TaskChoice)),
        ("estimator", recipe.estimator, get_args(EstimatorChoice)),
        ("final_fit", recipe.final_fit, get_args(FinalFit)),
        ("payload", recipe.payload, get_args(PayloadFormat)),
    ):
        if given not in choices and not (what == "estimator" and SOURCE_FUNCTION.match(given)):
            raise UsageError(f"there is no {what} '{given}': choose one of {', '.join(choices)}")
    _check_targets(recipe)
    if recipe.tuning is not None:
        check_tuning(recipe.tuning, recipe.parameters)
    check_limits(recipe.gate.metrics)
    check_limits(recipe.canary.metrics if recipe.canary else {})
    check_limits(recipe.monitor.metrics)
    if recipe.monitor.over > recipe.monitor.windows:
        raise UsageError("monitor: 'over' windows of 'windows' can be at most all of them")
    if recipe.start and recipe.end and as_utc(recipe.start) >= as_utc(recipe.end):
        raise UsageError("the window is empty: its start must be before its end")


def _check_targets(recipe: Recipe) -> None:
    if recipe.task in WITHOUT_TARGET and recipe.targets:
        raise UsageError(f"{recipe.task} has no target: leave it out, or exclude the column")
    if recipe.task not in WITHOUT_TARGET and not recipe.targets:
        raise UsageError(
            "no target column is named: name one, or say that there is none to foretell with "
            "the task clustering or anomaly"
        )
    if len(recipe.targets) > 1 and recipe.task not in ("auto", "multi_output"):
        raise UsageError(f"{recipe.task} has one target; several make a task multi_output")


def check_limits(limits: Mapping[str, Limit]) -> None:
    """Refuse what cannot be compared with the champion.

    Raises:
        UsageError: whether more or less of a metric is better is not known.
    """
    for name, limit in limits.items():
        if limit.worse_by is not None and name not in HIGHER_IS_BETTER | LOWER_IS_BETTER:
            known = ", ".join(sorted(HIGHER_IS_BETTER | LOWER_IS_BETTER))
            raise UsageError(
                f"whether more or less of '{name}' is better is not known, so it can have no "
                f"'worse_by'; known are: {known}"
            )


def check_model_name(name: str) -> None:
    """Refuse a name that topics, indices and folders could not carry.

    Raises:
        UsageError: it does not match the pattern.
    """
    if not re.fullmatch(MODEL_NAME_PATTERN, name):
        raise UsageError(
            f"the model name '{name}' cannot be used: take up to 63 lower-case letters, digits "
            "and underscores, a letter first, for example 'flight_delays'"
        )


def _understood(key: str, value: object) -> object:
    """TOML has dates and times without a zone; both are taken for UTC. A table of tables of costs
    is by class."""
    if key == "costs" and isinstance(value, dict) and value:
        by_class = all(isinstance(row, dict) for row in value.values())
        return {"by_class": value} if by_class else value
    if isinstance(value, datetime):
        return as_utc(value)
    return datetime.combine(value, time(), UTC) if isinstance(value, date) else value


def as_utc(moment: datetime) -> datetime:
    """A moment with a zone; one without is taken for UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
