"""`millrace train` and `millrace models` without a Kafka, as a shell sees them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import command_line
import numpy as np
import pandas as pd
import pytest
from command_line import Result
from service_processes import without_settings

from contracts.keys import generate_keys

ROOT = Path(__file__).parents[2]

Millrace = Callable[..., Result]


@pytest.fixture
def millrace(tmp_path: Path) -> Millrace:
    environment = without_settings()

    def run(*arguments: str) -> Result:
        return command_line.millrace(*arguments, folder=tmp_path, environment=environment)

    return run


@pytest.fixture
def keys(tmp_path: Path) -> None:
    generate_keys(tmp_path / ".millrace" / "keys")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    path = tmp_path / "my.csv"
    pd.DataFrame({"x": x, "colour": rng.choice(["red", "blue"], 200), "y": x > 0}).to_csv(
        path, index=False
    )
    return path


def last_json(result: Result) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def refused(result: Result) -> str:
    """The sentence of a caller's mistake, put back on one line."""
    assert result.returncode == 2, result.stdout + result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    return " ".join(result.stderr.split())


def test_from_a_file_to_a_version_that_is_listed_and_shown(millrace: Millrace, table: Path) -> None:
    assert set(last_json(millrace("models", "keygen", "--json"))["keys"]) == {
        "packages",
        "deployments",
    }
    said = millrace("train", "--data", "my.csv", "--target", "y", "--model", "mine")
    assert said.returncode == 0, said.stderr
    for part in (
        "classification: 'y' is true or false",
        "colour",
        "roc_auc",
        "millrace models publish mine",
    ):
        assert part in said.stdout
    assert "fitting and evaluating, linear" in said.stderr

    result = last_json(
        millrace("train", "--data", "my.csv", "--target", "y", "--model", "mine", "--json")
    )
    assert (result["model"], result["version"], result["parent"]) == ("mine", "2", "1")
    assert result["features"] == {"x": "numeric", "colour": "categorical"}
    assert result["metrics"]["test"]["roc_auc"] > 0.9

    listed = last_json(millrace("models", "list", "--json"))["models"]
    assert [(v["model"], v["version"], v["deployed"]) for v in listed] == [
        ("mine", "1", "unknown"),
        ("mine", "2", "unknown"),
    ]
    shown = last_json(millrace("models", "show", "mine", "1", "--json"))
    assert shown["digest"] == listed[0]["digest"]
    assert shown["manifest"]["version"] == "1"
    for_people = millrace("models", "show", "mine")
    assert for_people.returncode == 0
    for part in ("mine 2", listed[1]["digest"], "scikit-learn", "precision"):
        assert part in for_people.stdout


def test_a_recipe_gives_the_same_as_its_options(
    millrace: Millrace, table: Path, keys: None, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(
        'model = "mine"\ndata = "my.csv"\ntarget = "y"\nestimator = "forest"\n'
    )
    by_recipe = last_json(millrace("train", "mine.toml", "--json"))
    by_options = last_json(
        millrace(
            *("train", "--data", "my.csv", "--target", "y", "--model", "mine"),
            *("--estimator", "forest", "--json"),
        )
    )
    assert by_recipe["metrics"] == by_options["metrics"]
    assert by_recipe["estimator"] == "RandomForestClassifier"


def test_keys_are_made_once_and_only_the_owner_can_read_them(
    millrace: Millrace, tmp_path: Path
) -> None:
    first = last_json(millrace("models", "keygen", "--json"))
    assert last_json(millrace("models", "keygen", "--json")) == first
    private = tmp_path / ".millrace" / "keys" / "packages.pem"
    assert private.stat().st_mode & 0o777 == 0o600


def test_training_without_keys_says_how_to_make_them(millrace: Millrace, table: Path) -> None:
    result = millrace("train", "--data", "my.csv", "--target", "y", "--model", "mine")
    assert "run 'millrace models keygen'" in refused(result)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("train",), "--data, --target, --model not given"),
        (("train", "--data", "my.csv"), "--target, --model not given"),
        (("train", "mine.toml", "--target", "y"), "give either the recipe mine.toml or --target"),
        (("train", "no.toml"), "there is no recipe no.toml"),
        (("train", "--data", "no.csv", "--target", "y", "--model", "m"), "no file no.csv"),
        (("train", "--data", "my.csv", "--target", "z", "--model", "m"), "has: x, colour, y"),
        (("train", "--data", "my.csv", "--target", "y", "--model", "M-1"), "model name 'M-1'"),
        (
            ("train", "--data", "my.csv", "--target", "y", "--model", "m", "--task", "guess"),
            "no task 'guess': choose one of",
        ),
        (
            ("train", "--data", "my.csv", "--target", "y", "--model", "m", "--estimator", "e"),
            "no estimator 'e': choose one of",
        ),
        (("train", "mine.toml", "--tune", "3"), "there is no recipe mine.toml"),
        (("models", "explain", "nothing"), "no model 'nothing': train it first"),
        (("models", "show", "nothing"), "no model 'nothing': train it first"),
        (("models", "show", "../keys"), "model name '../keys'"),
        (("models", "publish", "nothing"), "no model 'nothing': train it first"),
        (("models", "history", "nothing"), "no local stack runs here: start it with"),
    ],
)
def test_a_mistake_gets_one_sentence_and_status_2(
    millrace: Millrace, table: Path, keys: None, arguments: tuple[str, ...], sentence: str
) -> None:
    assert sentence in refused(millrace(*arguments))


def test_a_kafka_that_does_not_answer_is_status_1(
    millrace: Millrace, table: Path, keys: None
) -> None:
    millrace("train", "--data", "my.csv", "--target", "y", "--model", "mine")
    nowhere = ("--bootstrap-servers", "127.0.0.1:1")
    result = millrace("models", "publish", "mine", *nowhere)
    assert result.returncode == 1
    assert "does not answer" in result.stderr
    assert "Traceback" not in result.stderr
    listed = last_json(millrace("models", "list", "--json", *nowhere))["models"]
    assert [version["deployed"] for version in listed] == ["unknown"]


def test_an_empty_store_is_no_error(millrace: Millrace) -> None:
    result = millrace("models", "list")
    assert result.returncode == 0
    assert "no models" in result.stdout
    assert last_json(millrace("models", "list", "--json")) == {"models": []}


def test_a_damaged_manifest_does_not_hide_the_other_versions(
    millrace: Millrace, table: Path, keys: None, tmp_path: Path
) -> None:
    for _ in range(2):
        millrace("train", "--data", "my.csv", "--target", "y", "--model", "mine")
    store = tmp_path / ".millrace" / "models" / "mine"
    digest = (store / "versions" / "1").read_text()
    (store / "packages" / digest / "manifest.json").write_text("{")
    first, second = last_json(millrace("models", "list", "--json"))["models"]
    assert "malformed" in first["damaged"]
    assert second["damaged"] is None


def test_listing_does_not_load_scikit_learn(tmp_path: Path) -> None:
    script = (
        "import sys; from cli import models; from contracts import model_store; "
        "import contracts.control_topic, trainer.recipes; print('sklearn' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert result.stdout.strip() == "False"


@pytest.mark.parametrize(
    "arguments",
    [
        ("train",),
        ("models",),
        *(("models", name) for name in ("list", "show", "compare", "history", "keygen", "keys")),
        *(("models", name) for name in ("publish", "shadow", "canary", "promote", "rollback")),
        *(("models", name) for name in ("retire", "pause", "resume", "restore", "rebuild")),
        *(("models", name) for name in ("import", "collect", "explain")),
        ("rescore",),
        ("judge",),
    ],
)
def test_every_command_explains_itself(millrace: Millrace, arguments: tuple[str, ...]) -> None:
    result = millrace(*arguments, "--help")
    assert result.returncode == 0
    assert "millrace" in result.stdout or arguments in (("models",), ("models", "keys"))


def test_a_version_says_what_its_features_are_worth(
    millrace: Millrace, table: Path, keys: None, tmp_path: Path
) -> None:
    options = ("train", "--data", "my.csv", "--target", "y", "--model", "mine", "--json")
    trained = last_json(millrace(*options))
    shown = last_json(millrace("models", "explain", "mine", "--plot", "page.html", "--json"))
    assert shown["importance"] == trained["importance"]
    assert shown["importance"]["features"].keys() == {"x", "colour"}
    page = (tmp_path / "page.html").read_text()
    assert "<script src" not in page, "it needs no network"
    assert len(page) > 1_000_000
    assert "each feature shuffled" in page
    said = millrace("models", "explain", "mine", "1").stdout
    assert said.index("x ") < said.index("colour")
    assert "█" in said
    assert "page.html" in refused(millrace("models", "explain", "mine", "--plot", "page.png"))


def test_a_version_without_importance_says_why(
    millrace: Millrace, table: Path, keys: None, tmp_path: Path
) -> None:
    (tmp_path / "mine.toml").write_text(
        'model = "mine"\ndata = "my.csv"\ntarget = "y"\nimportance = false\n'
    )
    last_json(millrace("train", "mine.toml", "--json"))
    assert "the recipe says importance = false" in refused(millrace("models", "explain", "mine"))


def test_tuning_that_was_killed_goes_on_and_comes_to_the_same(
    millrace: Millrace, keys: None, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2000, 5))
    data = pd.DataFrame(x).rename(columns="x{}".format).assign(y=x[:, 0] * x[:, 1] > 0)
    data.to_parquet(tmp_path / "big.parquet")
    command = ("train", "--data", "big.parquet", "--target", "y", "--model", "m", "--tune", "3")
    killed = subprocess.Popen(
        [sys.executable, "-m", "cli", *command],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT), "MILLRACE_PROJECT_DIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert killed.stderr is not None
    for line in killed.stderr:
        if line.startswith("trial 1 of 3"):
            killed.kill()
    assert killed.wait() < 0
    resumed = millrace(*command, "--json")
    assert "of 3 trials are done already" in resumed.stderr
    assert "trial 1 of 3" not in resumed.stderr
    (tmp_path / ".millrace" / "tuning").rename(tmp_path / "aside")
    whole = last_json(millrace(*command, "--json"))
    assert whole["tuning"]["trials"] == 3
    assert last_json(resumed)["tuning"] == whole["tuning"]
    assert "3 trials; the best has roc_auc" in millrace("models", "show", "m").stdout
