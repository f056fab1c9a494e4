"""What the declarations of the topics say about how long records stay, and the page about it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from contracts.retention import TopicState, deviations, gone_by
from contracts.retention_table import table
from contracts.settings import Settings
from contracts.topics import Topics

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DOCUMENT = Path(__file__).parents[2] / "docs" / "disaster.md"


def test_the_page_states_every_topic_as_it_is_declared() -> None:
    assert table() in DOCUMENT.read_text("utf-8"), "put the output of contracts.retention_table in"
    for topic in Topics(Settings.model_construct()).all():
        assert f"| `{topic.name}` |" in table()


def test_retention_is_a_setting() -> None:
    topics = Topics(Settings(retention_features_days=2, retention_dead_letters_days=0.5))
    assert topics.features.config["retention.ms"] == str(2 * 24 * 3600 * 1000)
    assert topics.dead_letters.config["retention.ms"] == str(12 * 3600 * 1000)
    assert topics.dead_letters.config["segment.ms"] == str(12 * 3600 * 1000)


def test_what_decides_is_kept_for_ever_and_never_compacted() -> None:
    topics = Topics(Settings())
    for topic in (topics.model_control, topics.erasures):
        assert topic.partitions == 1
        assert topic.config["cleanup.policy"] == "delete"
        assert gone_by(topic.config, NOW) is None


def test_a_record_may_outlive_its_retention_by_a_segment() -> None:
    gone = gone_by(Topics(Settings()).features.config, NOW)
    assert gone is not None
    assert timedelta(days=8) < gone - NOW < timedelta(days=8, hours=2)
    assert gone_by({}, NOW) is not None
    assert gone_by({"cleanup.policy": "compact"}, NOW) is None


@pytest.mark.parametrize(
    ("changes", "setting"),
    [
        ({"retention.ms": "3600000"}, "retention.ms"),
        ({"segment.ms": "604800000"}, "segment.ms"),
        ({"cleanup.policy": "compact,delete"}, None),
        ({"max.message.bytes": "1048576"}, "max.message.bytes"),
        ({"retention.ms": "-1", "max.message.bytes": "99999999"}, None),
    ],
)
def test_only_what_does_harm_is_a_deviation(changes: dict[str, str], setting: str | None) -> None:
    declared = Topics(Settings()).features
    found = TopicState(4, 1, {**declared.config, **changes})
    assert [one.setting for one in deviations(declared, 1, found)] == [setting] * bool(setting)


def test_a_compacted_control_topic_and_a_lack_of_replicas_are_told() -> None:
    declared = Topics(Settings()).model_control
    found = TopicState(3, 1, {"cleanup.policy": "compact", "retention.ms": "604800000"})
    told = {one.setting: one.consequence for one in deviations(declared, 3, found)}
    assert told.keys() == {"cleanup.policy", "retention.ms", "partitions", "replication.factor"}
    assert all(told.values())
