"""The task is found out from the target column, and the reason is said."""

import numpy as np
import pandas as pd
import pytest

from contracts.answers import label_text
from contracts.errors import UsageError
from trainer.task_detection import decide_task, target_values


def column(values: object) -> pd.Series:
    return pd.Series(values, name="y")


@pytest.mark.parametrize(
    ("values", "task", "why"),
    [
        ([True, False] * 20, "classification", "true or false"),
        (["a", "b", "c", "a"] * 10, "classification", "text, 3 classes"),
        ([0, 1] * 10, "classification", "2 different whole numbers"),
        ([0.0, 1.0] * 10, "classification", "2 different whole numbers"),
        (list(range(10)) * 5, "classification", "10 different whole numbers"),
        (list(range(10)) * 4, "regression", "10 different whole numbers"),
        (list(range(21)) * 50, "regression", "21 different whole numbers"),
        ([0.5, 1.0, 2.0] * 50, "regression", "fractions"),
    ],
)
def test_the_task_follows_from_the_values(values: object, task: str, why: str) -> None:
    decision = decide_task(column(values))
    assert decision.task == task
    assert why in decision.why


def test_a_chosen_task_overrides_what_the_values_look_like() -> None:
    assert decide_task(column([0, 1] * 10), "regression").task == "regression"
    assert decide_task(column([0.5, 1.5] * 10), "classification").task == "classification"


@pytest.mark.parametrize(
    ("values", "choice", "sentence"),
    [
        ([1] * 30, "auto", "always '1'"),
        ([f"name {i}" for i in range(30)], "auto", "30 different texts in 30 rows"),
        (["a", "b"] * 15, "regression", "is text: regression needs numbers"),
        (np.arange(30) / 7, "classification", "or --task regression"),
        ([[1], [2]] * 15, "auto", "times, lists or a mixture"),
        (pd.date_range("2024-01-01", periods=30), "auto", "times, lists or a mixture"),
    ],
)
def test_an_impossible_target_is_refused(values: object, choice: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        decide_task(column(values), choice)  # type: ignore[arg-type]


def test_whole_numbers_read_as_floats_become_integer_classes() -> None:
    classes = target_values(column([0.0, 1.0]), "classification")
    assert [label_text(value) for value in classes.tolist()] == ["0", "1"]
    assert classes.dtype == np.int64
    assert target_values(column([0.5, 1.5]), "classification").tolist() == ["0.5", "1.5"]
    assert target_values(column([True, False]).astype(object), "classification").dtype == bool
    assert target_values(column([1, 2]), "regression").dtype == np.float64
