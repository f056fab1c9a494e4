"""Nothing is lost and nothing doubled, whatever fails."""

import signal
import time

import pytest
from kafka import TopicPartition

from contracts.kafka import admin_client, consumer_group
from elk import consumer

pytestmark = pytest.mark.stack
FRONTED = {"bulk_documents": 100}


def committed(log) -> int:
    """Records that the indexer's group has committed on the predictions topic."""
    admin = admin_client(log.settings)
    try:
        group = consumer_group(log.settings, "indexer")
        offsets = admin.list_group_offsets([group])[group]
    finally:
        admin.close()
    partitions = [
        TopicPartition(log.topics.predictions.name, n) for n in range(log.settings.partitions)
    ]
    return sum(max(offsets[p].offset, 0) for p in partitions if p in offsets)


def members(log) -> list[str]:
    """Ids of the indexer's group."""
    admin = admin_client(log.settings)
    try:
        group = consumer_group(log.settings, "indexer")
        found = admin.describe_groups([group])
    finally:
        admin.close()
    return sorted(str(member["member_id"]) for member in found[group]["members"])


def wait_for_seconds(wait_for, seconds: float) -> None:
    """Let time pass where its passing is what is tested."""
    end = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() > end)


def test_what_was_under_way_when_it_was_killed_is_indexed_once(log, start_process, wait_for):
    log.send_predictions(20_000)
    first = start_process()
    wait_for(lambda: log.count() > 500)
    first.kill()
    first.wait()
    assert log.count() < 20_000, "it was done before it could be killed: send more"

    start_process()

    wait_for(lambda: log.count() >= 20_000)
    wait_for(lambda: committed(log) == 20_000)
    assert (log.count(), log.distinct_events()) == (20_000, 20_000)


def test_told_to_stop_it_commits_what_it_wrote(log, start_process, wait_for):
    process = start_process()
    log.send_predictions(3000)
    wait_for(lambda: log.count() > 100)

    process.send_signal(signal.SIGTERM)

    assert process.wait(20) == 0
    assert committed(log) == log.count()


def test_an_elasticsearch_that_is_gone_for_long_costs_nothing(
    log, front, start_indexer, wait_for, monkeypatch
):
    """Longer than Kafka lets a consumer be silent; the member must stay in its group."""
    monkeypatch.setattr(consumer, "MAX_POLL_INTERVAL_MS", 6_000)
    settings = log.settings.model_copy(
        update={**FRONTED, "elasticsearch": front.url, "session_timeout_ms": 6_000}
    )
    start_indexer(settings)
    log.send_predictions(500)
    wait_for(lambda: log.count() == 500)
    member = members(log)

    front.down = True
    log.send_predictions(2000, first=500)
    wait_for_seconds(wait_for, 15)
    assert log.count() == 500
    assert members(log) == member
    front.down = False

    wait_for(lambda: log.count() == 2500)
    assert members(log) == member
    assert log.distinct_events() == 2500
    wait_for(lambda: committed(log) == 2500)


def test_nothing_is_committed_while_elasticsearch_is_gone(log, front, start_indexer, wait_for):
    settings = log.settings.model_copy(update={**FRONTED, "elasticsearch": front.url})
    start_indexer(settings)
    log.send_predictions(1)
    wait_for(lambda: committed(log) == 1)

    front.down = True
    log.send_predictions(1000, first=1)
    wait_for(lambda: front.refused > 6)

    assert committed(log) == 1


def test_it_waits_for_an_elasticsearch_that_is_not_there_yet(log, front, start_indexer, wait_for):
    front.down = True
    start_indexer(log.settings.model_copy(update={"elasticsearch": front.url}))
    log.send_predictions(10)
    wait_for(lambda: front.refused > 2)

    front.down = False

    wait_for(lambda: log.count() == 10)


def test_refusals_and_lost_answers_are_made_up_for(log, front, start_indexer, wait_for):
    front.script.extend([429, 503, "cut", 429, 502, 403, "cut", 500])
    start_indexer(log.settings.model_copy(update={**FRONTED, "elasticsearch": front.url}))
    log.send_predictions(3000)

    wait_for(lambda: log.count() == 3000)
    wait_for(lambda: committed(log) == 3000)
    assert front.refused == 8
    assert log.distinct_events() == 3000
    assert log.count("dead-letters") == 0


def test_a_request_that_is_too_large_is_split(log, front, start_indexer, wait_for):
    front.script.extend([413, 413])
    start_indexer(log.settings.model_copy(update={**FRONTED, "elasticsearch": front.url}))
    log.send_predictions(300)

    wait_for(lambda: log.count() == 300)
    assert log.count("dead-letters") == 0


def test_a_read_only_index_is_waited_for(log, start_indexer, wait_for):
    start_indexer(log.settings)
    log.send_predictions(1)
    wait_for(lambda: log.count() == 1)
    (index,) = log.elasticsearch.indices.get(index=f"{log.settings.index_prefix}-predictions-*")
    block = {"index.blocks.write": True}
    log.elasticsearch.indices.put_settings(index=index, settings=block)

    log.send_predictions(50, first=1)
    wait_for_seconds(wait_for, 2)
    assert (log.count(), log.count("dead-letters"), committed(log)) == (1, 0, 1)
    log.elasticsearch.indices.put_settings(index=index, settings={"index.blocks.write": None})

    wait_for(lambda: log.count() == 51)


def test_a_second_indexer_takes_its_share_and_nothing_is_lost(log, start_indexer, wait_for):
    start_indexer(log.settings)
    log.send_predictions(2000)
    wait_for(lambda: log.count() > 100)
    second = start_indexer(log.settings)
    log.send_predictions(2000, first=2000)
    wait_for(lambda: len(members(log)) == 2)
    log.send_predictions(2000, first=4000)
    second.set()
    wait_for(lambda: len(members(log)) == 1)
    log.send_predictions(2000, first=6000)

    wait_for(lambda: log.count() == 8000)
    wait_for(lambda: committed(log) == 8000)
    assert log.distinct_events() == 8000


def test_a_topic_that_grows_in_an_outage_is_read_whole(
    log, front, start_indexer, wait_for, monkeypatch
):
    monkeypatch.setattr(consumer, "METADATA_MAX_AGE_MS", 500)
    start_indexer(log.settings.model_copy(update={**FRONTED, "elasticsearch": front.url}))
    log.send_predictions(1)
    wait_for(lambda: log.count() == 1)
    front.down = True
    log.send_predictions(1000, first=1)
    grow(log, log.settings.partitions + 1)
    wait_for(lambda: log.partitions(log.topics.predictions.name) > log.settings.partitions)

    log.send(log.topics.predictions.name, log.prediction(1001), partition=log.settings.partitions)
    front.down = False

    wait_for(lambda: log.count() == 1002)
    assert log.distinct_events() == 1002


def grow(log, partitions: int) -> None:
    """Give the predictions topic more partitions."""
    admin = admin_client(log.settings)
    try:
        admin.create_partitions({log.topics.predictions.name: partitions})
    finally:
        admin.close()


def test_what_elasticsearch_forgets_gets_its_mapping_again(log, front, start_indexer, wait_for):
    start_indexer(log.settings.model_copy(update={"elasticsearch": front.url}))
    log.send_predictions(1)
    wait_for(lambda: log.count() == 1)
    front.down = True
    log.send_predictions(1, first=1)
    wait_for(lambda: front.refused > 1)
    prefix = log.settings.index_prefix
    log.elasticsearch.indices.delete(index=list(log.elasticsearch.indices.get(index=f"{prefix}-*")))
    log.elasticsearch.indices.delete_index_template(name=prefix)

    front.down = False

    wait_for(lambda: log.count() == 1)
    (mapping,) = log.elasticsearch.indices.get_mapping(index=f"{prefix}-predictions-*").values()
    assert mapping["mappings"]["dynamic"] == "strict"
