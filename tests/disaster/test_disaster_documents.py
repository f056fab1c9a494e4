"""Documents are rebuilt from Kafka, compared with it, restored, and erased for good."""

from typing import Any

import pytest
from kafka import KafkaAdminClient, TopicPartition

from contracts.errors import UnreachableError, UsageError
from prediction_log.outcomes import read_outcomes

pytestmark = pytest.mark.stack

# `installation` is the fixture of conftest.py; with importlib's mode it cannot be imported.
Installation = Any
EVENTS = 80
KINDS = {"predictions": 2 * EVENTS, "labels": EVENTS, "dead_letters": 4, "model_events": 1}


@pytest.fixture(scope="module", autouse=True)
def history(installation: Installation) -> None:
    """Everything that can stand on the topics, indexed by an indexer that runs on."""
    installation.features(EVENTS + 3)
    installation.outcomes(0, EVENTS)
    installation.redeliver(5)
    installation.dead_letter(EVENTS, b'{"entity_id": "a", ')
    installation.refused(EVENTS + 1)
    installation.dead_letter(EVENTS + 2, b'{"entity_id": "b", ')
    installation.label(3, b"{")
    installation.model_event()
    installation.start_indexer()
    installation.wait_for(**KINDS)


def test_what_was_indexed_equals_what_kafka_holds(installation: Installation) -> None:
    found = installation.command("compare", "--wait", "60s")
    assert found["equal"]
    assert found["examples"] == []
    assert _sum(found, "predictions", "records") == EVENTS + 2
    assert _sum(found, "predictions", "repeated") == 1
    assert _sum(found, "predictions", "set_aside") == 1
    assert _sum(found, "labels", "rejected") == 1
    assert _sum(found, "predictions.shadow", "documents") == EVENTS


def test_what_is_lost_doubled_or_invented_is_named_and_what_is_lost_comes_back(
    installation: Installation,
) -> None:
    elasticsearch, prefix = installation.elasticsearch, installation.settings.index_prefix
    lost, doubled = installation.serving_id(10), installation.serving_id(11)
    installation.delete("predictions", lost)
    other = f"{prefix}-predictions-sizes-1999.01"
    for id_ in (doubled, installation.serving_id(4 * 1000)):
        elasticsearch.index(index=other, id=id_, document={}, refresh=True)

    found = installation.command("compare", status=1)

    assert {(one["why"], one["id"]) for one in found["examples"]} == {
        ("missing", lost),
        ("twice", doubled),
        ("unknown", installation.serving_id(4 * 1000)),
    }
    missing = next(one for one in found["examples"] if one["why"] == "missing")
    assert (missing["partition"], missing["topic"]) == (2, installation.topics.predictions.name)
    elasticsearch.indices.delete(index=other)
    rebuilt = installation.command("rebuild")["rebuilt"]
    assert rebuilt["rejected"] == 2
    assert installation.count("dead-letters") == KINDS["dead_letters"]
    assert installation.command("compare")["equal"]


def test_an_empty_elasticsearch_is_rebuilt_while_the_indexer_runs(
    installation: Installation,
) -> None:
    with pytest.raises(UsageError, match="add --yes"):
        installation.command("rebuild", "--wipe")
    assert installation.count("labels") == EVENTS
    installation.command("rebuild", "--wipe", "--yes")
    installation.wait_for(**KINDS)
    assert installation.command("compare")["equal"]
    mapping = installation.elasticsearch.indices.get_mapping(
        index=f"{installation.settings.index_prefix}-predictions-*"
    )
    assert all(index["mappings"]["dynamic"] == "strict" for index in mapping.values())


def test_a_snapshot_and_what_kafka_has_since_make_it_whole(installation: Installation) -> None:
    made = installation.command("snapshot", "create", "first")
    assert [s["name"] for s in installation.command("snapshot", "list")["snapshots"]] == ["first"]
    assert made["indices"]
    with pytest.raises(UsageError, match="--wipe"):
        installation.command("snapshot", "restore", "first")
    with pytest.raises(UsageError, match="no snapshot 'second'"):
        installation.command("snapshot", "restore", "second")
    installation.model_event()
    KINDS["model_events"] += 1
    installation.wait_for(**KINDS)

    installation.command("snapshot", "restore", "first", "--wipe", "--yes")

    assert installation.count("model-events") == KINDS["model_events"] - 1
    assert not installation.command("compare", status=1)["equal"]
    installation.command("rebuild")
    assert installation.command("compare")["equal"]


def test_an_erased_entity_does_not_come_back_and_nobody_else_is_touched(
    installation: Installation,
) -> None:
    installation.command("rebuild")  # as a monitor would have joined them
    installation.wait_for(outcomes=2 * EVENTS)
    mine = {"predictions": EVENTS // 4, "labels": EVENTS // 8, "dead-letters": 1}
    mine["outcomes"] = EVENTS // 4
    told = installation.command("erase", "--entity", "a", "--dry-run")
    assert told["erased"]["documents"] == mine
    assert installation.count("predictions", entity="a") == mine["predictions"]
    before = len(read_outcomes(installation.settings, "sizes"))

    told = installation.command("erase", "--entity", "a", "--yes", "--wait", "60s")

    assert told["erased"]["documents"] == mine
    assert told["erased"]["events"] == EVENTS // 8
    assert {one["topic"].rpartition(".")[2] for one in told["kept_by_kafka"]} >= {"features"}
    assert all(one["gone_by"] for one in told["kept_by_kafka"])
    all_ = KINDS | {"outcomes": 2 * EVENTS}
    left = {kind.replace("-", "_"): all_[kind.replace("-", "_")] - n for kind, n in mine.items()}
    installation.wait_for(**left)
    installation.restore_by_hand(0)
    found = installation.command("compare", status=1)
    assert [one["why"] for one in found["examples"]] == ["erased"]
    installation.delete("predictions", installation.serving_id(0))
    # It does not come back by a redelivery,
    installation.redeliver(8)
    assert installation.command("compare", "--wait", "60s")["equal"]
    # nor from the beginning of Kafka,
    rebuilt = installation.command("rebuild", "--wipe", "--yes")["rebuilt"]
    assert rebuilt["erased"] >= sum(mine.values()) - mine["outcomes"]
    # nor from a snapshot that is older.
    restored = installation.command("snapshot", "restore", "first", "--wipe", "--yes")
    assert restored["erased_again"] == sum(mine.values())
    installation.command("rebuild")
    assert installation.count("predictions", entity="a") == 0
    assert installation.count("labels", event="e0") == 0
    assert installation.count("outcomes", entity="a") == 0
    assert installation.command("compare", "--wait", "60s")["equal"]
    installation.wait_for(**left)
    training = read_outcomes(installation.settings, "sizes")
    assert len(training) == before - mine["labels"]
    assert "e0" not in set(training["event.id"])


def test_what_an_entity_sends_after_it_was_erased_is_new_data(installation: Installation) -> None:
    installation.command("erase", "--entity", "c", "--yes", "--wait", "60s")
    assert installation.count("predictions", entity="c") == 0
    new = EVENTS + 10  # of entity c, beyond the end of `features` when it was erased
    installation.outcomes(new, new + 1)
    installation.wait_for(labels=EVENTS - 2 * EVENTS // 8 + 1)
    installation.command("rebuild")
    assert installation.count("predictions", entity="c") == 2
    assert installation.count("labels", event=f"e{new}") == 1
    assert installation.command("compare")["equal"]


def test_what_kafka_has_deleted_since_counts_as_older(installation: Installation) -> None:
    topics = installation.topics
    admin = KafkaAdminClient(bootstrap_servers=installation.settings.kafka)
    for topic, partitions in (
        (topics.predictions, range(4)),
        (topics.labels, range(4)),
        (topics.dead_letters, [0]),
    ):
        admin.delete_records({TopicPartition(topic.name, n): 1 for n in partitions})
    admin.close()
    found = installation.command("compare")
    assert found["equal"], found
    assert _sum(found, "predictions", "older") > 0
    assert _sum(found, "labels", "older") > 0
    assert _sum(found, "dead-letters", "older") == 0  # the one that is gone was erased before


def test_nothing_is_erased_while_the_indexer_is_behind(installation: Installation) -> None:
    installation.stop_indexer()
    installation.outcomes(EVENTS + 20, EVENTS + 21)
    with pytest.raises(UnreachableError, match="nothing is deleted yet"):
        installation.command("erase", "--entity", "d", "--yes", "--wait", "0s")
    assert installation.count("predictions", entity="d") == EVENTS // 4


def _sum(found: dict[str, Any], topic: str, column: str) -> int:
    rows = [row for row in found["rows"] if row["topic"].partition(".")[2] == topic]
    assert rows, topic
    return sum(row[column] for row in rows)
