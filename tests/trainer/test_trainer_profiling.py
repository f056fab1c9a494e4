"""Which columns become features, and why the others do not."""

import numpy as np
import pandas as pd
import pytest

from contracts.errors import UsageError
from contracts.feature_schema import Feature
from trainer.profiling import check_columns, find_time_column, labelled_rows, profile
from trainer.recipes import Recipe

ROWS = 40


def recipe(**changes: object) -> Recipe:
    return Recipe(**({"model": "m", "data": "file.csv", "target": "y"} | changes))  # type: ignore[arg-type]


def frame(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(ROWS) % 7, "y": np.arange(ROWS) % 2} | columns)


def left_out(table: pd.DataFrame, **changes: object) -> dict[str, str]:
    chosen = recipe(**changes)
    return profile(table, chosen, find_time_column(table, chosen).name).left_out


def test_kinds_and_missing_values_make_the_schema() -> None:
    table = frame(
        amount=[1.5, None] * 20, country=["NO", "SE"] * 20, vip=[True, None, False, None] * 10
    )
    assert profile(table, recipe(), None).schema.features == (
        Feature("x", "numeric"),
        Feature("amount", "numeric", nullable=True),
        Feature("country", "categorical"),
        Feature("vip", "boolean", nullable=True),
    )


def test_a_recipe_can_allow_gaps_that_the_data_does_not_have() -> None:
    assert profile(frame(), recipe(nullable=("x",)), None).schema.features[0].nullable


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("empty", [None] * ROWS, "empty"),
        ("constant", ["same"] * ROWS, "always the same"),
        ("comment", [f"text {i}" for i in range(ROWS)], "different in every row"),
        ("customer_id", range(1000, 1000 + ROWS), "called like an id"),
        ("customerId", range(1000, 1000 + ROWS), "called like an id"),
        ("Unnamed: 0", range(ROWS), "called like an id"),
        ("nested", [[1], [2]] * 20, "not all numbers"),
        ("mixed", [1, "a"] * 20, "not all numbers"),
    ],
)
def test_useless_columns_are_left_out_with_the_reason(
    name: str, values: object, reason: str
) -> None:
    assert reason in left_out(frame(**{name: values}))[name]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("customer_id", [i // 2 for i in range(ROWS)]),
        ("distance", range(ROWS)),
        ("paid", [i + 0.5 for i in range(ROWS)]),
        ("year_code", ["2013", "2014"] * 20),
        ("sometimes", ["yes", None] * 20),
    ],
)
def test_columns_that_only_resemble_useless_ones_stay(name: str, values: object) -> None:
    assert name not in left_out(frame(**{name: values}))


def test_the_first_column_of_times_is_found_and_the_second_is_no_feature() -> None:
    moments = pd.date_range("2024-01-01", periods=ROWS, freq="h").astype(str)
    table = frame(ordered=moments, shipped=moments[::-1])
    assert find_time_column(table, recipe()).name == "ordered"
    assert find_time_column(table, recipe(time_column="shipped")).name == "shipped"
    assert left_out(table)["ordered"] == "the time column"
    assert "not the time column" in left_out(table)["shipped"]
    assert find_time_column(table, recipe(exclude=("ordered", "shipped"))).name is None


def test_a_time_with_gaps_is_not_taken_and_not_accepted() -> None:
    moments = pd.Series(pd.date_range("2024-01-01", periods=ROWS)).mask(np.arange(ROWS) == 3)
    assert find_time_column(frame(at=moments), recipe()).name is None
    with pytest.raises(UsageError, match="in every row"):
        find_time_column(frame(at=moments), recipe(time_column="at"))


def test_rows_without_a_target_are_dropped() -> None:
    table = frame(y=[0, 1, None, 1] * 10)
    assert len(labelled_rows(table, recipe())) == 30


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"target": "z"}, "has no column 'z'; it has: x, y"),
        ({"time_column": "z"}, "has no column 'z'"),
        ({"exclude": ("z",)}, "has no column 'z'"),
        ({"nullable": ("z",)}, "has no column 'z'"),
        ({"time_column": "y"}, "both the target and the time column"),
    ],
)
def test_unknown_columns_are_named(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        check_columns(frame(), recipe(**changes))


def test_too_few_rows_and_nothing_to_learn_from_are_refused() -> None:
    with pytest.raises(UsageError, match="has 10 rows with a value in 'y': give at least 20"):
        labelled_rows(frame().head(10), recipe())
    with pytest.raises(UsageError, match="no column to learn 'y' from"):
        profile(frame().assign(x=1), recipe(), None)
    with pytest.raises(UsageError, match="no time column"):
        find_time_column(frame(), recipe(start=pd.Timestamp("2024-01-01").to_pydatetime()))
