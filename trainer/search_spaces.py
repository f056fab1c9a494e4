"""Where tuning looks for better parameters: ranges and choices, of a recipe or our own."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from contracts.errors import UsageError

Value = bool | int | float | str
"""What a parameter can be."""


class Search(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where one parameter is looked for: from `low` to `high`, both included, or among `choices`.

    Args:
        low, high: if both are whole numbers so is the parameter.
        log: evenly over the orders of magnitude.
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[Value, ...] = ()

    def has(self, value: object) -> bool:
        """Whether a value lies in it."""
        if self.choices:
            return value in self.choices
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and self.low is not None
            and self.high is not None
            and self.low <= value <= self.high
        )


Space = Mapping[str, Search]


class Tuning(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How parameters are looked for.

    Args:
        trials: how many sets of parameters are tried, all in all.
        space: parameter -> where; none: our own space for the estimator.
    """

    trials: Annotated[int, Meta(ge=1)]
    space: dict[str, Search] = {}


def check_tuning(tuning: Tuning, fixed: Mapping[str, Any]) -> None:
    """Refuse what cannot be searched.

    Args:
        fixed: parameters that the recipe sets.

    Raises:
        UsageError: a range without two ends, or a parameter that is both fixed and looked for.
    """
    if tuning.trials < 1:
        raise UsageError("tuning needs at least one trial")
    for name, search in tuning.space.items():
        if name in fixed:
            raise UsageError(
                f"'{name}' is set in [parameters] and looked for in [tuning.space]: leave one out"
            )
        example = f"{name} = {{ low = 1, high = 100, log = true }} or {{ choices = [1, 10] }}"
        if bool(search.choices) == (search.low is not None or search.high is not None):
            raise UsageError(f"'{name}' needs either a range or choices, as in {example}")
        if search.choices:
            continue
        if search.low is None or search.high is None or search.low >= search.high:
            raise UsageError(f"'{name}' needs 'low' below 'high', as in {example}")
        if search.log and search.low <= 0:
            raise UsageError(f"'{name}' is looked for by its logarithm: 'low' must be above 0")


def own_space(kind: str, *, classify: bool) -> Space:
    """Our own space for an estimator that Millrace knows.

    Raises:
        UsageError: it has none.
    """
    if kind == "linear":
        return _LOGISTIC if classify else _RIDGE
    if kind not in _TREES:
        raise UsageError(
            f"what to tune of '{kind}' is not known: name its parameters in [tuning.space] of a "
            "recipe, as in C = { low = 0.01, high = 100.0, log = true }"
        )
    return _TREES[kind]


_LOGISTIC = {"C": Search(low=1e-3, high=1e2, log=True)}
_RIDGE = {"alpha": Search(low=1e-3, high=1e4, log=True)}
_TREES = {
    "forest": {
        "min_samples_leaf": Search(low=1, high=100, log=True),
        "max_features": Search(low=0.1, high=1.0),
        "max_samples": Search(low=0.3, high=1.0),
    },
    "boosting": {
        "learning_rate": Search(low=0.01, high=0.3, log=True),
        "max_iter": Search(low=30, high=400, log=True),
        "max_leaf_nodes": Search(low=4, high=128, log=True),
        "min_samples_leaf": Search(low=5, high=500, log=True),
        "l2_regularization": Search(low=1e-6, high=100.0, log=True),
        "max_features": Search(low=0.2, high=1.0),
    },
}
