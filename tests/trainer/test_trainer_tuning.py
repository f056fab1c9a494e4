"""Parameters are looked for on train and validation rows alone, and every trial counts once."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace
from rich.console import Console

from contracts.errors import ConfigurationError, UsageError
from contracts.packages import Manifest, TuningRecord
from contracts.settings import Settings
from trainer import Recipe, read_recipe, train
from trainer.search_spaces import Search, Tuning, own_space
from trainer.studies import opened

ROWS = 400


def table(folder: Path, test_rows: str = "like the others") -> str:
    """Two features, one of noise; the newest fifth of the rows is the test."""
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, ROWS))
    y = (x + rng.normal(size=ROWS)) > 0
    if test_rows == "upside down":
        y[ROWS * 4 // 5 :] = ~y[ROWS * 4 // 5 :]
    at = pd.date_range("2026-01-01", periods=ROWS, freq="h")
    path = folder / f"{test_rows}.parquet"
    pd.DataFrame({"at": at, "x": x, "noise": noise, "y": y}).to_parquet(path)
    return str(path)


def recipe(folder: Path, trials: int = 3, **options: Any) -> Recipe:
    space = options.pop("space", {})
    given: dict[str, Any] = {"data": table(folder), "target": "y", "estimator": "linear"}
    tuning = Tuning(trials=trials, space=space)
    return Recipe(model="m", tuning=tuning, importance=False, **given | options)


def record(manifest: Manifest) -> TuningRecord:
    assert manifest.tuning is not None
    return manifest.tuning


def test_the_best_parameters_are_those_of_the_model(offline: Settings, tmp_path: Path) -> None:
    manifest = train(recipe(tmp_path, trials=4), offline).manifest
    found = record(manifest)
    assert (found.metric, found.trials, found.failed) == ("roc_auc", 4, 0)
    assert manifest.parameters["C"] == str(found.parameters["C"])
    assert manifest.metrics["validation"]["roc_auc"] == pytest.approx(found.best)
    plain = train(replace(recipe(tmp_path), tuning=None), offline).manifest
    assert plain.tuning is None
    # What it would have been without tuning is among the trials.
    assert found.best >= plain.metrics["validation"]["roc_auc"]


def test_the_test_rows_have_no_say(offline: Settings, tmp_path: Path) -> None:
    one = train(recipe(tmp_path), offline).manifest
    other = train(recipe(tmp_path, data=table(tmp_path, "upside down")), offline).manifest
    assert record(one) == record(other)
    assert one.metrics["test"]["roc_auc"] > 0.5 > other.metrics["test"]["roc_auc"]


def test_only_what_is_missing_is_tried(offline: Settings, tmp_path: Path, capsys: Any) -> None:
    def said(trials: int) -> tuple[TuningRecord, str]:
        console = Console(file=sys.stdout, width=200)
        manifest = train(recipe(tmp_path, trials), offline, console).manifest
        return record(manifest), capsys.readouterr().out

    few, _ = said(2)
    more, told = said(5)
    assert "2 of 5 trials are done already" in told
    assert [n for n in range(1, 6) if f"trial {n} of 5" in told] == [3, 4, 5]
    assert (few.trials, more.trials) == (2, 5)
    same, told = said(5)
    assert "5 trials are done already: the best of them counts" in told
    assert "trial 5 of" not in told
    assert same == more


def test_a_study_that_was_interrupted_comes_to_the_same(offline: Settings, tmp_path: Path) -> None:
    space = own_space("boosting", classify=True)

    def tried(folder: Path, stops: set[int]) -> list[dict[str, Any]]:
        """Ask 14 times; where it stops it is killed before the answer, and opened again."""
        number = 0
        while number < 14:
            with opened(folder, "m", b"", space, 0) as study:
                assert len(study.trials) == number
                while number < 14:
                    trial, parameters = study.ask(number, {"max_iter": 100})
                    if number in stops:
                        stops = stops - {number}
                        break
                    study.tell(trial, "r2", -abs(float(parameters["max_features"]) - 0.5))
                    number += 1
        with opened(folder, "m", b"", space, 0) as study:
            return [trial.parameters for trial in study.trials]

    whole = tried(tmp_path / "one", set())
    assert tried(tmp_path / "other", {0, 4, 12}) == whole
    assert whole[0]["max_iter"] == 100
    assert len({str(parameters) for parameters in whole}) == 14


def test_other_data_and_another_space_are_other_studies(offline: Settings, tmp_path: Path) -> None:
    narrow = {"C": Search(low=0.5, high=0.6)}
    for one in (
        recipe(tmp_path, 2),
        recipe(tmp_path, 2, space=narrow),
        recipe(tmp_path, 2, exclude=("noise",)),
        recipe(tmp_path, 2, data=table(tmp_path, "upside down")),
    ):
        assert record(train(one, offline).manifest).trials == 2
    assert len(list((offline.state_dir / "tuning").glob("m-*.sqlite"))) == 4
    # Where the rows come from, and what becomes of the model, does not matter.
    moved = Path(table(tmp_path)).rename(tmp_path / "moved.parquet")
    train(recipe(tmp_path, 2, data=str(moved), final_fit="all"), offline)
    assert len(list((offline.state_dir / "tuning").glob("m-*.sqlite"))) == 4


def test_a_trial_that_raises_has_failed_and_the_others_count(
    offline: Settings, tmp_path: Path
) -> None:
    space = {"solver": Search(choices=("lbfgs", "no such solver"))}
    found = record(train(recipe(tmp_path, 6, space=space), offline).manifest)
    assert found.trials == 6
    assert 0 < found.failed < 6
    assert found.parameters == {"solver": "lbfgs"}


def test_where_every_trial_fails_the_sentence_says_why(offline: Settings, tmp_path: Path) -> None:
    space = {"C": Search(low=-2.0, high=-1.0)}
    with pytest.raises(UsageError, match=r"each of the 2 trials failed, the last by .*'C'"):
        train(recipe(tmp_path, 2, space=space), offline)


def test_any_estimator_by_ranges_and_choices_of_a_recipe(offline: Settings, tmp_path: Path) -> None:
    table(tmp_path)
    (tmp_path / "m.toml").write_text(
        'model = "m"\ndata = "like the others.parquet"\ntarget = "y"\nimportance = false\n'
        'estimator = "sklearn.neighbors:KNeighborsClassifier"\n'
        "[tuning]\ntrials = 3\n[tuning.space]\n"
        'n_neighbors = { low = 3, high = 40, log = true }\nweights = { choices = ["distance"] }\n'
    )
    manifest = train(read_recipe(tmp_path / "m.toml"), offline).manifest
    found = record(manifest)
    assert isinstance(found.parameters["n_neighbors"], int)
    assert 3 <= found.parameters["n_neighbors"] <= 40
    assert manifest.parameters["weights"] == "distance"


@pytest.mark.parametrize(
    ("estimator", "target"),
    [("linear", "noise"), ("forest", "y"), ("boosting", "y"), ("boosting", "noise")],
)
def test_our_own_spaces_are_parameters_of_the_estimators(
    offline: Settings, tmp_path: Path, estimator: str, target: str
) -> None:
    small = {"max_iter": 5} if estimator == "boosting" else {}
    chosen = recipe(tmp_path, 2, estimator=estimator, target=target, parameters=small)
    found = record(train(chosen, offline).manifest)
    assert found.failed == 0
    assert found.metric == ("roc_auc" if target == "y" else "r2")
    assert found.parameters.keys().isdisjoint(small)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"space": {"C": Search(low=1.0)}}, "'C' needs 'low' below 'high'"),
        ({"space": {"C": Search(low=2, high=1)}}, "'C' needs 'low' below 'high'"),
        ({"space": {"C": Search()}}, "'C' needs either a range or choices"),
        ({"space": {"C": Search(low=1, choices=(1,))}}, "'C' needs either a range or choices"),
        ({"space": {"C": Search(low=0, high=1, log=True)}}, "'low' must be above 0"),
        ({"space": {"C": Search(low=1, high=2)}, "parameters": {"C": 1}}, "leave one out"),
        ({"parameters": {"C": 1}}, "sets all that could be tuned"),
        ({"estimator": "sklearn.svm:SVC"}, r"name its parameters in \[tuning.space\]"),
        ({"task": "anomaly", "target": (), "estimator": "auto"}, "no target to judge by"),
        ({"trials": 0}, "at least one trial"),
    ],
)
def test_what_cannot_be_tuned_gets_a_sentence(
    offline: Settings, tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        train(recipe(tmp_path, **options), offline)


def test_without_optuna_the_sentence_says_what_to_install(
    offline: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'millrace\[tune\]'"):
        train(recipe(tmp_path), offline)


def test_one_study_is_not_run_twice_at_once(tmp_path: Path) -> None:
    space = {"C": Search(low=0.1, high=1.0)}
    with (
        opened(tmp_path, "m", b"", space, 0),
        pytest.raises(UsageError, match="another process is tuning 'm'"),
        opened(tmp_path, "m", b"", space, 0),
    ):
        pass


def test_a_damaged_study_says_which_file_to_delete(tmp_path: Path) -> None:
    space = {"C": Search(low=0.1, high=1.0)}
    with opened(tmp_path, "m", b"", space, 0):
        pass
    [file] = tmp_path.glob("*.sqlite")
    file.write_bytes(b"x" * 5000)
    with (
        pytest.raises(Exception, match=f"{file.name} cannot be opened, delete it"),
        opened(tmp_path, "m", b"", space, 0),
    ):
        pass
