"""`millrace models publish`, `history` and `list` on a real Kafka, as a shell sees them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kafka import KafkaProducer

from contracts.kafka import create_topics, python_client_settings
from contracts.settings import Settings
from contracts.topics import Topics

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
Millrace = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def millrace(settings: Settings, tmp_path: Path) -> Millrace:
    create_topics(settings)
    rows = pd.DataFrame({"x": range(100)})
    rows.assign(y=rows["x"] * 2.5).to_csv(tmp_path / "my.csv", index=False)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MILLRACE_")} | {
        "PYTHONPATH": str(ROOT),
        "MILLRACE_TOPIC_PREFIX": settings.topic_prefix,
    }

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def with_kafka(*arguments: str) -> "subprocess.CompletedProcess[str]":
        assert settings.bootstrap_servers is not None
        return run(*arguments, "--bootstrap-servers", settings.bootstrap_servers)

    assert run("models", "keygen").returncode == 0
    return with_kafka


def last_json(result: "subprocess.CompletedProcess[str]") -> Any:
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
    assert [(v["version"], v["deployed"]) for v in listed] == [("1", ""), ("2", "champion")]
