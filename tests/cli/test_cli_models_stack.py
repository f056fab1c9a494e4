"""`millrace models publish`, `history` and `list` on a real Kafka, as a shell sees them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import command_line
import pandas as pd
import pytest
from command_line import Result
from kafka import KafkaProducer
from service_processes import without_settings

from contracts.kafka import create_topics, python_client_settings
from contracts.settings import Settings
from contracts.topics import Topics

pytestmark = pytest.mark.stack

Millrace = Callable[..., Result]


@pytest.fixture
def millrace(settings: Settings, tmp_path: Path) -> Millrace:
    create_topics(settings)
    rows = pd.DataFrame({"x": range(100)})
    rows.assign(y=rows["x"] * 2.5).to_csv(tmp_path / "my.csv", index=False)
    environment = without_settings() | {
        "MILLRACE_TOPIC_PREFIX": settings.topic_prefix,
    }

    def run(*arguments: str) -> Result:
        return command_line.millrace(*arguments, folder=tmp_path, environment=environment)

    def with_kafka(*arguments: str) -> Result:
        assert settings.bootstrap_servers is not None
        return run(*arguments, "--bootstrap-servers", settings.bootstrap_servers)

    assert run("models", "keygen").returncode == 0
    return with_kafka


def last_json(result: Result) -> Any:
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


def test_publish_says_what_it_did_and_the_history_keeps_it(
    millrace: Millrace, settings: Settings
) -> None:
    for _ in range(2):
        millrace("train", "--data", "my.csv", "--target", "y", "--model", "mine")
    never = millrace("models", "history", "mine")
    assert (never.returncode, "was never deployed" in never.stderr) == (2, True)

    first = millrace("models", "publish", "mine", "1", "--reason", "the first")
    assert "version 1 of mine is the champion now (sequence 1)" in first.stdout
    second = last_json(millrace("models", "publish", "mine", "--json"))
    assert (second["changed"], second["deployment"]["sequence"]) == (True, 2)
    again = millrace("models", "publish", "mine")
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)
    assert last_json(millrace("models", "publish", "mine", "--json"))["changed"] is False

    producer = KafkaProducer(**python_client_settings(settings))
    control = Topics(settings).model_control.name
    producer.send(control, key=b"mine", value=b"{}").get(timeout=30)
    producer.close()

    entries = last_json(millrace("models", "history", "mine", "--json"))["history"]
    assert [(e["sequence"], e["champion"], e["reason"]) for e in entries] == [
        (1, "1", "the first"),
        (2, "2", "published"),
        (None, None, None),
    ]
    assert "not a signed envelope" in entries[2]["rejected"]
    for_people = millrace("models", "history", "mine")
    assert "the first" in for_people.stdout
    assert "refused" in for_people.stdout
    listed = last_json(millrace("models", "list", "--json"))["models"]
    assert [(v["version"], v["deployed"]) for v in listed] == [("1", "standby"), ("2", "champion")]
    assert [v["state"] for v in listed] == ["standby", "champion"]


def test_a_version_is_tried_out_and_taken_back(millrace: Millrace) -> None:
    for _ in range(3):
        millrace("train", "--data", "my.csv", "--target", "y", "--model", "mine")
    first = last_json(millrace("models", "publish", "mine", "1", "--json"))
    assert {check["name"] for check in first["gate"]["checks"]} >= {"golden samples", "one row, ms"}
    last_json(millrace("models", "shadow", "mine", "3", "--json"))
    shown = millrace("models", "canary", "mine", "2", "--weight", "12.5%")
    assert "version 2 serves 0.125 of the entities of mine now (sequence 3)" in shown.stdout
    listed = last_json(millrace("models", "list", "--json"))["models"]
    assert [v["state"] for v in listed] == ["champion", "canary 12%", "shadow"]
    last_json(millrace("models", "promote", "mine", "--json"))
    back = millrace("models", "rollback", "mine", "--reason", "too many alarms")
    assert "version 1 of mine serves again (sequence 5; it was version 2)" in back.stdout
    last_json(millrace("models", "retire", "mine", "2", "--json"))
    listed = last_json(millrace("models", "list", "--json"))["models"]
    assert [v["state"] for v in listed] == ["champion", "retired", "shadow"]
    paused = last_json(millrace("models", "pause", "mine", "--json"))
    assert paused["deployment"]["paused"]
    resumed = last_json(millrace("models", "resume", "mine", "--json"))
    assert (resumed["changed"], resumed["events_returned"]) == (True, 0)
    live = last_json(millrace("models", "show", "mine", "--live", "--json"))
    assert live["workers"] == []
    assert last_json(millrace("judge", "--once", "--json"))["canaries"] == []
    kept = last_json(millrace("models", "collect", "--keep-days", "0", "--json"))["collected"]
    assert kept == [], "champions of late, a shadow, and the newest are left"


def test_the_gate_refuses_with_a_table_and_a_status_of_its_own(
    millrace: Millrace, tmp_path: Path
) -> None:
    recipe = 'model = "mine"\ndata = "my.csv"\ntarget = "y"\n[gate]\nminimum_rows = 100000\n'
    (tmp_path / "recipe.toml").write_text(recipe)
    millrace("train", "recipe.toml")
    refused = millrace("models", "publish", "mine")
    assert refused.returncode == 4
    assert "not passed" in refused.stdout
    assert "wanted at least 100,000" in " ".join(refused.stderr.split())
    scripted = millrace("models", "publish", "mine", "--json")
    assert scripted.returncode == 4
    report = json.loads(scripted.stdout.splitlines()[-1])
    assert (report["changed"], report["gate"]["version"]) == (False, "1")
    forced = millrace("models", "publish", "mine", "--force", "--reason", "a trial", "--json")
    assert last_json(forced)["deployment"]["forced"] == "a trial"
    [entry] = last_json(millrace("models", "history", "mine", "--json"))["history"]
    assert (entry["forced"], entry["reason"]) == ("a trial", "a trial")
    assert "overruled" in millrace("models", "history", "mine").stdout
