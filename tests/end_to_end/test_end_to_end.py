"""The whole path as its users walk it: the command, a worker and an indexer, documents."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import millrace
from dashboards.recording_kibana import recording_kibana
from elasticsearch import Elasticsearch
from service_processes import ServiceProcesses
from waiting import wait_until

from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.settings import Settings
from prediction_log.template import install_template
from stream_workers.explaining import is_sampled
from trainer import Recipe, publish, train

pytestmark = [pytest.mark.stack, pytest.mark.long]


class Shell:
    """The command, as a shell beside the services runs it."""

    def __init__(self, settings: Settings, running: ServiceProcesses) -> None:
        self.settings = settings
        self._environment = running.environment
        self.search = Elasticsearch(settings.elasticsearch_url)

    def millrace(self, *arguments: str, **variables: str) -> dict[str, Any]:
        folder, environment = self.settings.project_dir, {**self._environment, **variables}
        done = millrace(*arguments, "--json", folder=folder, environment=environment)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def documents(self, kind: str) -> list[dict[str, Any]]:
        index = f"{self.settings.index_prefix}-{kind}-*"
        # An index that is just being created answers 503.
        lenient = self.search.options(ignore_status=503)
        lenient.indices.refresh(index=index)
        found = lenient.search(index=index, size=10_000)
        return [hit["_source"] for hit in found.get("hits", {}).get("hits", [])]

    def wait_for_documents(self, kind: str, count: int) -> list[dict[str, Any]]:
        wait_until(lambda: len(self.documents(kind)) >= count, 90, f"{count} {kind} documents")
        return self.documents(kind)


@pytest.fixture
def shell(settings: Settings, running: ServiceProcesses) -> Shell:
    shell = Shell(settings, running)
    shell.millrace("setup")
    running.start("stream_workers")
    running.start("elk")
    return shell


def customers(path: Path, rows: int = 600) -> None:
    """A table with numbers, categories, truths and gaps, and two targets to choose from."""
    random = np.random.default_rng(7)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["id", "seen", "age", "city", "vip", "spent", "left"])
        for number in range(rows):
            age, city = random.integers(18, 90), random.choice(["Oslo", "Rome", "Lima"])
            vip = bool(random.random() < 0.3)
            spent = 2.0 * age + 40 * (city == "Rome") + random.normal()
            left = "yes" if random.random() < (0.8 if vip else 0.2) else "no"
            seen = f"2024-01-{1 + number * 28 // rows:02}T{number % 24:02}:00:00Z"
            shown = ["" if random.random() < 0.1 else value for value in (age, city)]
            table.writerow([f"c{number}", seen, *shown, vip, round(spent, 2), left])


@pytest.mark.parametrize(
    ("target", "task", "leaf"),
    [("left", "classification", "label"), ("spent", "regression", "value")],
)
def test_a_table_of_ones_own_goes_from_training_to_documents(
    shell: Shell, tmp_path: Path, target: str, task: str, leaf: str
) -> None:
    customers(tmp_path / "my.csv")
    trained = shell.millrace("train", "--data", "my.csv", "--target", target, "--model", "mine")
    assert (trained["task"], trained["time_column"]) == (task, "seen")
    shell.millrace("models", "publish", "mine")
    wait_until(
        lambda: any(d["model_event"]["kind"] == "swapped" for d in shell.documents("model-events")),
        90,
        "the worker serving the new model",
    )
    produced = shell.millrace(
        "produce", "my.csv", "--model", "mine", "--id-column", "id", "--label-column", target
    )
    assert produced["acknowledged"] == 600
    documents = shell.wait_for_documents("predictions", 600)
    assert Counter(d["event"]["id"] for d in documents) == Counter(f"c{n}" for n in range(600))
    assert all(leaf in d["prediction"] for d in documents)
    assert {d["@timestamp"][:7] for d in documents} == {"2024-01"}
    assert any("city" not in d["features"].get("cat", {}) for d in documents)
    labels = shell.wait_for_documents("labels", 600)
    assert {d["event"]["id"] for d in labels} == {f"c{n}" for n in range(600)}
    assert shell.documents("dead-letters") == []


def test_explanations_of_a_share_of_the_events_arrive_in_their_documents(
    settings: Settings, running: ServiceProcesses, tmp_path: Path
) -> None:
    shell = Shell(settings, running)
    generate_keys(settings.keys)
    create_topics(settings)
    install_template(settings)
    customers(tmp_path / "my.csv")
    train(Recipe(model="mine", data=str(tmp_path / "my.csv"), target="left"), settings)
    publish(settings, "mine")
    running.start("stream_workers", MILLRACE_EXPLAIN_SHARE="0.1")
    running.start("elk")
    shell.millrace("produce", "my.csv", "--model", "mine", "--id-column", "id")
    documents = shell.wait_for_documents("predictions", 600)
    assert shell.documents("dead-letters") == []
    explained = [d for d in documents if "explanation" in d]
    sampled = {f"c{number}" for number in range(600) if is_sampled(f"c{number}", 0.1)}
    assert {d["event"]["id"] for d in explained} == sampled
    for document in explained:
        values = document["explanation"]["values"]
        assert values.keys() == {"age", "city", "vip", "spent"}
        together = document["explanation"]["base"] + sum(values.values())
        assert together == pytest.approx(document["prediction"]["confidence"], abs=1e-6)
    index = f"{settings.index_prefix}-predictions-*"
    field = "explanation.values.vip"
    found = shell.search.search(index=index, size=0, aggs={"one": {"stats": {"field": field}}})
    of_vip = [d["explanation"]["values"]["vip"] for d in explained]
    assert found["aggregations"]["one"]["count"] == len(explained)
    assert found["aggregations"]["one"]["max"] == pytest.approx(max(of_vip), rel=1e-5)
    [mapping] = shell.search.indices.get_field_mapping(index=index, fields=field).values()
    assert mapping["mappings"][field]["mapping"]["vip"]["type"] == "float"


def test_the_demonstration_accounts_for_every_event(shell: Shell) -> None:
    with recording_kibana() as kibana:
        demo = ("demo", "--events", "400", "--rate", "200")
        summary = shell.millrace(*demo, MILLRACE_KIBANA=kibana.url)
    # Its dashboards open where the flights are, years ago.
    assert b'"timeFrom":"2013-03-01T' in kibana.uploaded()[1]
    assert summary["events"] == 400
    assert (summary["lost"], summary["duplicated"]) == (0, 0)
    assert summary["indexed"] == summary["predictions"] == 400 - summary["dead_letters"]
    assert set(summary["reasons"]) == {
        "invalid",
        "invalid_features",
        "malformed",
        "time_out_of_range",
        "unknown_model",
    }
    assert list(summary["versions"]) == ["1", "2"]
    assert sum(summary["versions"].values()) == summary["indexed"]
    documents = shell.documents("predictions")
    assert len({d["event"]["id"] for d in documents}) == len(documents) == summary["indexed"]
    assert len(shell.documents("dead-letters")) == summary["dead_letters"]
