"""What the declarations of the topics say about how long records stay, and the page about it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from contracts.retention import gone_by
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
