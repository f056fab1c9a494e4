"""A recipe is a TOML file, and a wrong one gets a sentence."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from contracts.errors import UsageError
from contracts.packages import Costs
from trainer.data_sets import fingerprint, read_data
from trainer.recipes import Recipe, check_recipe, read_recipe


def write(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def test_a_file_says_everything_and_its_data_lies_beside_it(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        'model = "fraud"\ndata = "orders.csv"\ntarget = "y"\nestimator = "forest"\n'
        'exclude = ["name"]\nstart = 2024-01-01\nend = 2024-02-01T12:00:00Z\n',
    )
    assert read_recipe(path) == Recipe(
        model="fraud",
        data=str(tmp_path / "orders.csv"),
        target="y",
        estimator="forest",
        exclude=("name",),
        start=datetime(2024, 1, 1, tzinfo=UTC),
        end=datetime(2024, 2, 1, 12, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("text", "costs"),
    [
        ("{ false_positive = 1, false_negative = 20 }", Costs(false_positive=1, false_negative=20)),
        (
            "{ a = { b = 5, c = 0 }, c = { a = 2.5 } }",
            Costs(by_class={"a": {"b": 5.0, "c": 0.0}, "c": {"a": 2.5}}),
        ),
    ],
)
def test_costs_are_of_two_kinds_or_by_class(tmp_path: Path, text: str, costs: Costs) -> None:
    recipe = read_recipe(
        write(tmp_path, f'model = "m"\ndata = "d.csv"\ntarget = "y"\ncosts = {text}\n')
    )
    assert recipe.costs == costs
    written = msgspec.json.encode(costs)
    assert msgspec.json.decode(written, type=Costs) == costs
    assert ("by_class" in written.decode()) == bool(costs.by_class), "as older workers know it"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{ false_positive = 1 }", "false_positive and a false_negative above 0"),
        ("{}", "false_positive and a false_negative above 0"),
        ("{ a = { b = -1 } }", ">= 0"),
        ("{ a = { b = inf } }", "finite"),
        ("{ a = { b = 1 }, false_positive = 1 }", "is no recipe"),
    ],
)
def test_costs_that_mean_nothing_are_refused(tmp_path: Path, text: str, sentence: str) -> None:
    path = write(tmp_path, f'model = "m"\ndata = "d.csv"\ntarget = "y"\ncosts = {text}\n')
    with pytest.raises(UsageError, match=sentence):
        read_recipe(path)


def test_a_data_function_is_no_path(tmp_path: Path) -> None:
    path = write(tmp_path, 'model = "m"\ndata = "package.module:frame"\ntarget = "y"\n')
    assert read_recipe(path).data == "package.module:frame"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("model = ", "cannot be read as TOML"),
        ('model = "m"\ntarget = "y"\n', "is no recipe.*data"),
        ('model = "m"\ndata = "d.csv"\ntarget = "y"\ntaget = "z"\n', "is no recipe.*taget"),
        ('model = "m"\ndata = "d.csv"\ntarget = "y"\ntask = "guess"\n', "is no recipe.*guess"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        read_recipe(write(tmp_path, text))


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no recipe .*nothing\.toml"):
        read_recipe(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": "Fraud-1"}, "model name 'Fraud-1'"),
        ({"model": "../up"}, "model name"),
        ({"model": "m" * 64}, "model name"),
        ({"model": "fraud\n"}, "model name"),
        ({"task": "guess"}, "no task 'guess'"),
        ({"estimator": "oracle"}, "no estimator 'oracle'"),
        ({"final_fit": "some"}, "no final_fit 'some'"),
        (
            {"start": datetime(2024, 2, 1), "end": datetime(2024, 1, 1, tzinfo=UTC)},
            "window is empty",
        ),
    ],
)
def test_a_recipe_that_no_data_could_make_right(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        check_recipe(Recipe(**({"model": "m", "data": "d", "target": "y"} | changes)))  # type: ignore[arg-type]


def frame_of_this_module(start: datetime | None, end: datetime | None) -> pd.DataFrame:
    return pd.DataFrame({"x": [1, 2], "start": [start, start]})


@pytest.mark.parametrize("name", ["nowhere.at_all:frame", "trainer.recipes:frame"])
def test_a_data_function_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="cannot be imported"):
        read_data(Recipe(model="m", data=name, target="y"))


def test_a_column_without_a_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"": 1, "y": 2}\n')
    with pytest.raises(UsageError, match="a column without a name"):
        read_data(Recipe(model="m", data=str(path), target="y"))


def test_infinity_counts_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x,y\ninf,1\n2,3\n")
    assert read_data(Recipe(model="m", data=str(path), target="y"))["x"].isna().tolist() == [
        True,
        False,
    ]


def test_the_fingerprint_changes_with_any_cell_name_or_order() -> None:
    table = pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [[1], [2]]})
    same = fingerprint(table.copy())
    assert fingerprint(table) == same
    assert fingerprint(table.assign(b=["x", "y"])) != same
    assert fingerprint(table.rename(columns={"a": "z"})) != same
    assert fingerprint(table[::-1]) != same
