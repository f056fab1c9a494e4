"""The store kept in order, keys, and models from elsewhere, from the command line; no servers."""

import json
from pathlib import Path
from typing import Any

import command_line
import joblib
import numpy as np
import pandas as pd
import pytest
from command_line import Result
from service_processes import without_settings
from sklearn.linear_model import LinearRegression

from contracts.keys import generate_keys, load_trusted_keys


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    folder = tmp_path / ".millrace" / "keys"
    generate_keys(folder)
    return folder


def millrace(folder: Path, *arguments: str) -> Result:
    environment = without_settings()
    return command_line.millrace(*arguments, folder=folder, environment=environment)


def told(folder: Path, *arguments: str) -> Any:
    result = millrace(folder, *arguments, "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_a_model_from_elsewhere_is_imported_compared_and_found_again(
    tmp_path: Path, keys: Path
) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(100, 2)), columns=["x", "y"])
    table["sum"] = table["x"] + table["y"]
    table.to_csv(tmp_path / "rows.csv", index=False)
    schema = {
        "features": [{"name": name, "kind": "numeric"} for name in ("x", "y")],
        "target": "sum",
    }
    (tmp_path / "schema.json").write_text(json.dumps(schema))
    joblib.dump(LinearRegression().fit(table[["x", "y"]], table["sum"]), tmp_path / "m.joblib")
    command = ("models", "import", "m.joblib", "--schema", "schema.json", "--sample", "rows.csv")
    first = told(tmp_path, *command, "--model", "sums")
    second = told(tmp_path, *command, "--model", "sums", "--payload", "skops")
    assert (first["version"], second["version"]) == ("1", "2")
    compared = told(tmp_path, "models", "compare", "sums", "1", "2")
    assert compared["metrics"]["test"]["r2"] == [1.0, 1.0]
    assert compared["same_data"]
    assert compared["features"] == {}
    versions = tmp_path / ".millrace" / "models" / "sums" / "versions"
    for path in versions.iterdir():
        path.unlink()
    assert told(tmp_path, "models", "list")["models"] == []
    rebuilt = told(tmp_path, "models", "rebuild", "sums")
    assert rebuilt["rebuilt"] == {"1": first["digest"], "2": second["digest"]}
    assert told(tmp_path, "models", "rebuild", "sums")["rebuilt"] == {}
    assert [v["version"] for v in told(tmp_path, "models", "list")["models"]] == ["1", "2"]
    refused = millrace(tmp_path, "models", "collect")
    assert refused.returncode == 2, "without Kafka nobody knows what serves"
    assert versions.joinpath("1").exists()


def test_keys_are_rotated_given_an_end_and_revoked(tmp_path: Path, keys: Path) -> None:
    rotated = told(tmp_path, "models", "keys", "rotate", "deployments")
    old = keys / "trusted" / "deployments" / f"{rotated['old']}.pem"
    ended = told(
        tmp_path,
        *("models", "keys", "trust", "deployments", str(old)),
        *("--owner", "Ana Belmonte", "--not-after", "2027-01-01"),
    )
    assert (ended["key"], ended["not_after"]) == (rotated["old"], "2027-01-01T00:00:00Z")
    listed = told(tmp_path, "models", "keys", "list")["keys"]
    [shown] = [key for key in listed if key["key"] == rotated["old"]]
    assert shown["owner"] == "Ana Belmonte"
    told(tmp_path, "models", "keys", "revoke", "deployments", rotated["old"])
    assert list(load_trusted_keys(keys, "deployments")) == [rotated["new"]]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("models", "publish", "m", "--force"), "--force needs a --reason"),
        (("models", "canary", "m", "--weight", "much"), "'much' is no share"),
        (("models", "keys", "rotate", "doors"), "keys sign packages or deployments"),
        (("models", "keys", "revoke", "packages", "0" * 16), "is not trusted for packages"),
        (("models", "keys", "trust", "packages", "none.pem"), "there is no file none.pem"),
        (("models", "compare", "m", "1", "2"), "no model 'm'"),
        (("train", "--data", "d.csv", "--model", "m"), "--target not given"),
    ],
)
def test_mistakes_get_a_sentence(
    tmp_path: Path, keys: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    result = millrace(tmp_path, *arguments)
    assert result.returncode == 2, result.stderr
    assert "Traceback" not in result.stderr
    assert sentence in " ".join(result.stderr.split())


def test_a_model_goes_to_mlflow_and_comes_back(tmp_path: Path, keys: Path) -> None:
    x = np.random.default_rng(0).normal(size=300)
    table = pd.DataFrame({"x": x, "size": np.digitize(x, [-0.5, 0.5]).astype(str)})
    table["size"] = table["size"].map({"0": "small", "1": "medium", "2": "large"})
    table.to_csv(tmp_path / "sizes.csv", index=False)
    (tmp_path / "sizes.toml").write_text(
        'model = "sizes"\ndata = "sizes.csv"\ntarget = "size"\n[costs]\nlarge = { small = 7.5 }\n'
    )
    shown = millrace(tmp_path, "train", "sizes.toml")
    assert "costs by true class and answer" in shown.stdout
    assert "7.5" in shown.stdout
    exported = told(tmp_path, "models", "export", "sizes", "--to-mlflow", "folder")
    assert (exported["version"], exported["answers"]) == (
        "1",
        "probabilities of large, medium, small",
    )
    assert (tmp_path / "folder" / "MLmodel").exists()
    command = ("models", "import", "--from-mlflow", "folder", "--model")
    assert told(tmp_path, *command, "other")["version"] == "1"
    neither = millrace(tmp_path, "models", "import", "--model", "other")
    assert (neither.returncode, "--from-mlflow SOURCE" in neither.stderr) == (2, True)
