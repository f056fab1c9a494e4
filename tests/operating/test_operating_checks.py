"""What the doctor says about facts; each fault has its finding, and health has none."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cli.diagnosis.clocks import check_clocks
from cli.diagnosis.findings import Finding
from cli.diagnosis.groups import MUCH_LAG, FoundGroup, check_groups, standing_still
from cli.diagnosis.keys import check_keys
from cli.diagnosis.storage import Disk, check_blocks, check_disks, check_health, check_template
from cli.diagnosis.topics import FoundTopic, check_topics
from cli.diagnosis.versions import check_elasticsearch, check_kafka, check_services
from contracts.keys import generate_keys
from contracts.settings import Settings, load_settings
from contracts.topics import Topics
from prediction_log.template import template_body

TOPICS = Topics(Settings.model_construct())
ALL = frozenset({"DESCRIBE", "READ", "WRITE"})


def as_declared() -> dict[str, FoundTopic]:
    return {
        topic.name: FoundTopic(topic.partitions, {"cleanup.policy": "delete", **topic.config}, ALL)
        for topic in TOPICS.all()
    }


def findings(found: dict[str, FoundTopic]) -> list[tuple[str, str]]:
    return bad(check_topics(TOPICS.all(), TOPICS.features.name, found))


def bad(found: Iterable[Finding]) -> list[tuple[str, str]]:
    wrong = [finding for finding in found if finding.severity != "ok"]
    assert all(finding.todo for finding in wrong)
    return [(finding.severity, finding.what) for finding in wrong]


def test_topics_as_declared_have_no_finding() -> None:
    assert findings(as_declared()) == []


@pytest.mark.parametrize(
    ("topic", "name", "value", "severity"),
    [
        ("model-control", "cleanup.policy", "compact", "error"),
        ("model-control", "retention.ms", "604800000", "error"),
        ("features", "max.message.bytes", "1000", "error"),
        ("features", "max.message.bytes", "99999999", "warning"),
        ("predictions", "retention.ms", "1000", "error"),
        ("predictions", "retention.ms", "-1", "warning"),
    ],
)
def test_a_setting_that_drifted_is_found(topic: str, name: str, value: str, severity: str) -> None:
    found = as_declared()
    config = {**found[topic].config, name: value}
    found[topic] = msgspec.structs.replace(found[topic], config=config)
    [(grade, what)] = findings(found)
    assert grade == severity
    assert topic in what
    assert f"{name}={value}" in what


def test_partitions_that_do_not_fit_and_topics_that_are_missing_are_found() -> None:
    found = as_declared()
    found["model-control"] = msgspec.structs.replace(found["model-control"], partitions=3)
    found["features"] = msgspec.structs.replace(found["features"], partitions=8)
    found["predictions.shadow"] = msgspec.structs.replace(found["predictions.shadow"], partitions=8)
    found["dead-letters"] = msgspec.structs.replace(found["dead-letters"], partitions=8)
    found["labels"] = msgspec.structs.replace(found["labels"], partitions=8)
    del found["model-events"]
    whats = " ".join(what for _, what in findings(found))
    assert "predictions has 4 partitions, the events have 8" in whats
    assert "model-control has 3 partitions" in whats
    assert "model-events does not exist" in whats


@pytest.mark.parametrize(
    ("group", "severity", "words"),
    [
        (FoundGroup("Stable", 2, 10), None, ""),
        (FoundGroup("Empty", 0, 10), "error", "10 records wait"),
        (FoundGroup("Empty", 0, 0), "warning", "no worker runs"),
        (FoundGroup("PreparingRebalance", 2, 0), "warning", "rebalancing"),
        (FoundGroup("Stable", 1, MUCH_LAG + 1), "warning", "behind"),
    ],
)
def test_a_group_that_does_not_read_is_found(
    group: FoundGroup, severity: str | None, words: str
) -> None:
    found = bad(check_groups({"worker": group}, {"worker": "millrace worker"}, frozenset()))
    assert [grade for grade, _ in found] == ([severity] if severity else [])
    assert all(words in what for _, what in found)


def test_a_group_that_finishes_nothing_is_found() -> None:
    before = {name: FoundGroup("Stable", 1, 50, 100) for name in ("stuck", "works", "idle")}
    after = {
        "stuck": FoundGroup("Stable", 1, 60, 100),
        "works": FoundGroup("Stable", 1, 60, 140),
        "idle": FoundGroup("Stable", 1, 0, 150),
    }
    still = standing_still(before, after)
    assert still == {"stuck"}
    found = bad(check_groups(after, dict.fromkeys(after, "start"), still))
    assert found == [("error", "60 records wait, and the stucks finish none")]


def test_clocks_that_differ_are_found() -> None:
    found = bad(check_clocks({"a": 0.5, "b": -3.0, "c": 90.0}))
    assert found == [("warning", "b: 3.0 s behind"), ("error", "c: 90.0 s ahead")]


def test_versions_that_do_not_fit_are_found() -> None:
    assert bad(check_kafka((4, 1))) == []
    assert [grade for grade, _ in bad(check_kafka((2, 5)))] == ["error"]
    assert bad(check_elasticsearch({"8.19.5"}, "8.19.1")) == []
    assert [grade for grade, _ in bad(check_elasticsearch({"9.1.0"}, "8.19.1"))] == ["error"]
    assert [g for g, _ in bad(check_elasticsearch({"8.19.5", "8.18.0"}, "8.19.1"))] == ["warning"]
    assert bad(check_services({"w": "1.0"}, "1.0")) == []
    assert [grade for grade, _ in bad(check_services({"w": "0.9"}, "1.0"))] == ["warning"]


def test_full_disks_blocks_and_bad_health_are_found() -> None:
    disks = {"a": Disk(100, 50), "b": Disk(100, 10), "c": Disk(100, 2)}
    assert [grade for grade, _ in bad(check_disks(disks))] == ["warning", "error"]
    [(grade, what)] = bad(check_blocks({"millrace-x": ["read_only_allow_delete"]}))
    assert (grade, "millrace-x" in what) == ("error", True)
    assert [grade for grade, _ in bad(check_health("red", 3))] == ["error"]
    assert [grade for grade, _ in bad(check_health("yellow", 1))] == ["warning"]
    assert bad(check_health("green", 0)) == []


def test_a_template_that_drifted_is_found() -> None:
    ours = template_body(Settings.model_construct())
    assert check_template(ours, ours).severity == "ok"
    assert check_template(ours, None).severity == "error"
    changed: Any = msgspec.json.decode(msgspec.json.encode(ours))
    changed["template"]["mappings"]["properties"]["latency"]["properties"]["queue_ms"] = {
        "type": "keyword"
    }
    found = check_template(ours, changed)
    assert found.severity == "error"
    assert "latency.properties.queue_ms.type" in found.what


def test_keys_are_found_missing_open_or_not_trusted(tmp_path: Path, no_variables: None) -> None:
    settings = load_settings(keys_dir=tmp_path)
    assert [grade for grade, _ in bad(check_keys(settings))] == ["error", "error"]
    generate_keys(tmp_path)
    assert bad(check_keys(settings)) == []
    (tmp_path / "packages.pem").chmod(0o644)
    [(grade, what)] = bad(check_keys(settings))
    assert (grade, "can be read by others" in what) == ("error", True)
    (tmp_path / "packages.pem").unlink()
    assert bad(check_keys(settings)) == [], "a worker needs no private key"
    (tmp_path / "deployments.pem").unlink()
    generate_keys(tmp_path)
    for path in (tmp_path / "trusted" / "deployments").iterdir():
        path.unlink()
    [(grade, what)] = bad(check_keys(settings))
    assert (grade, "no key is trusted" in what) == ("error", True)
