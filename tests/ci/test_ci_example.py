"""The workflow that people copy keeps to GitHub's schema, and its steps do what they say."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest
import yaml
from service_processes import as_variables, without_settings

from contracts.control_topic import read_control
from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.settings import Settings

EXAMPLE = Path(__file__).parents[2] / "examples" / "ci" / "train.yml"
KEYS, TRAIN = "Put the keys in their place", "Train, and publish if better"
RECIPE = 'model = "fraud"\ndata = "orders.csv"\ntarget = "y"\nestimator = "linear"\n'


def workflow() -> dict[str, Any]:
    return yaml.safe_load(EXAMPLE.read_text("utf-8"))  # type: ignore[no-any-return]


def job() -> dict[str, Any]:
    return workflow()["jobs"]["train"]  # type: ignore[no-any-return]


def step(name: str) -> dict[str, Any]:
    [found] = (one for one in job()["steps"] if one.get("name") == name)
    return found  # type: ignore[no-any-return]


def test_it_keeps_to_the_schema_of_workflows() -> None:
    (found,) = (f for f in files("check-jsonschema") or () if f.name == "github-workflows.json")
    schema = json.loads(Path(str(found.locate())).read_text("utf-8"))
    # YAML 1.1 reads the key `on` as true.
    given = {"on" if key is True else key: value for key, value in workflow().items()}
    jsonschema.validators.validator_for(schema)(schema).validate(given)


def test_every_setting_in_it_exists_and_no_secret_is_in_a_command_line() -> None:
    known = {f"MILLRACE_{name.upper()}" for name in Settings.model_fields}
    given = dict(job()["env"])
    for one in job()["steps"]:
        given |= one.get("env", {})
        assert "${{" not in one.get("run", ""), "what people may put there would be run"
    assert {name for name in given if name.startswith("MILLRACE_")} <= known


class Runner:
    """A machine of GitHub's, as far as the steps see it."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        (folder / "recipes").mkdir()
        (folder / "recipes" / "fraud.toml").write_text(RECIPE)
        self.folder, self.settings = folder, settings
        self.summary, self.output = folder / "summary.md", folder / "output"
        elsewhere = folder / "elsewhere"
        generate_keys(elsewhere)
        (elsewhere / "trusted").rename(folder / "trusted")
        self.secrets = {
            f"{name}_KEY": (elsewhere / f"{name.lower()}.pem").read_text()
            for name in ("PACKAGES", "DEPLOYMENTS")
        }

    def run(self, name: str) -> "subprocess.CompletedProcess[str]":
        """A step as GitHub runs it with `shell: bash`, without what is not set in its settings."""
        found = step(name)
        assert found["shell"] == "bash"
        absent = dict.fromkeys((*job()["env"], *found["env"]), "")
        kept = without_settings()
        programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = kept | absent | self.secrets | as_variables(self.settings)
        self.summary.write_text("")
        self.output.write_text("")
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
            cwd=self.folder,
            env=environment
            | {
                "PATH": programs,
                "RECIPE": "recipes/fraud.toml",
                "MILLRACE_KEYS_DIR": str(self.folder / "keys"),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                "GITHUB_OUTPUT": str(self.output),
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def write_orders(self, weight: float) -> None:
        """Data whose label depends on `z` by a weight."""
        rng = np.random.default_rng(0)
        x, z, noise = rng.normal(size=(3, 600))
        y = np.where(x + weight * z + 0.5 * noise > 0, "yes", "no")
        table = pd.DataFrame({"x": x, "z": z, "y": y})
        table.to_csv(self.folder / "recipes" / "orders.csv", index=False)

    def released(self) -> dict[str, Any]:
        """The object in the summary."""
        found = re.fullmatch(r"```json\n(.*)```\n", self.summary.read_text(), re.DOTALL)
        assert found
        return json.loads(found[1])["release"]  # type: ignore[no-any-return]


@pytest.mark.stack
def test_its_steps_publish_what_is_better_and_nothing_else(
    settings: Settings, tmp_path: Path
) -> None:
    create_topics(settings)
    runner = Runner(settings, tmp_path)
    put = runner.run(KEYS)
    assert put.returncode == 0, put.stderr

    def train(weight: float) -> "subprocess.CompletedProcess[str]":
        runner.write_orders(weight)
        return runner.run(TRAIN)

    first = train(weight=0.0)
    assert (first.returncode, runner.output.read_text()) == (0, "published=true\n"), first.stderr
    assert runner.released()["champion"] == "1"
    again = train(weight=0.0)
    assert (again.returncode, runner.output.read_text()) == (0, "published=false\n"), again.stderr
    assert "::notice" in again.stdout
    refused = runner.released()
    assert (refused["published"], refused["champion"], refused["sequence"]) == (False, "1", 1)
    assert "wanted better than the champion" in refused["reason"]
    better = train(weight=2.0)
    assert (better.returncode, runner.output.read_text()) == (0, "published=true\n"), better.stderr
    [check] = (c for c in runner.released()["gate"]["checks"] if c["name"] == "roc_auc")
    assert check["value"] > check["champion"]

    (tmp_path / "recipes" / "fraud.toml").write_text("nonsense")
    wrong = runner.run(TRAIN)
    assert (wrong.returncode, runner.output.read_text()) == (2, "")
    own = settings.model_copy(update={"keys_dir": tmp_path / "keys"})
    history = read_control(own).log.history["fraud"]
    assert [deployment.champion.version for deployment in history] == ["1", "3"]
