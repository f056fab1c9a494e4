"""The producer and the replay on a real Kafka, checked by another client library."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import confluent_kafka as ck
import psutil
import pytest
from kafka import KafkaProducer

from contracts.errors import ConfigurationError, DeliveryError, UsageError
from contracts.events import FeatureEvent, Label
from contracts.feature_schema import Feature, FeatureSchema
from contracts.kafka import create_topics, describe_topics
from contracts.keys import generate_keys, load_private_key
from contracts.model_store import ModelStore
from contracts.package_loading import installed_libraries
from contracts.packages import DataWindow, Manifest, Payload, sha256, sign_package
from contracts.settings import Settings
from contracts.topics import Topics
from producers.client import FeatureProducer
from producers.file_replay import ReplayRequest, replay_file
from producers.replay import replay
from producers.replay_summary import ReplaySummary
from producers.sent_rows import end_positions, find_sent_rows, header
from producers.sources import TableFile
from producers.unacknowledged import Delivery

pytestmark = pytest.mark.stack

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


@pytest.fixture
def ready(settings: Settings) -> Settings:
    create_topics(settings)
    return settings


def event(number: int, **fields: Any) -> FeatureEvent:
    usual = {
        "event_id": f"e{number}",
        "entity_id": f"n{number % 50}",
        "occurred_at": datetime.now(UTC),
        "model": "m",
        "features": {"a": float(number)},
    }
    return FeatureEvent(**{**usual, **fields})


def consumed(settings: Settings, topic: str) -> list[ck.Message]:
    """Everything that stands on a topic now."""
    consumer = ck.Consumer({"bootstrap.servers": settings.kafka, "group.id": "independent-reader"})
    try:
        partitions = consumer.list_topics(topic, 30).topics[topic].partitions
        ends = {}
        for partition in partitions:
            low, high = consumer.get_watermark_offsets(ck.TopicPartition(topic, partition), 30)
            if high > low:
                ends[partition] = high
        consumer.assign([ck.TopicPartition(topic, partition, 0) for partition in ends])
        messages, left = [], set(ends)
        deadline = time.monotonic() + PATIENCE
        while left:
            assert time.monotonic() < deadline
            message = consumer.poll(1.0)
            if message is None or message.error():
                continue
            if message.offset() < ends[message.partition()]:
                messages.append(message)
            if message.offset() + 1 >= ends[message.partition()]:
                left.discard(message.partition())
        return messages
    finally:
        consumer.close()


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {PATIENCE:g} s"
        time.sleep(0.02)


def store_model(settings: Settings) -> None:
    generate_keys(settings.keys)
    manifest = Manifest(
        environment="local",
        model="m",
        version="1",
        task="classification",
        schema=FeatureSchema((Feature("a", "numeric"), Feature("code", "categorical", True))),
        payload=Payload("joblib", sha256(b"x"), 1),
        estimator="none",
        data=DataWindow(source="x", fingerprint="", rows=1, target="y", time_column="at"),
        golden=(),
        libraries=installed_libraries(),
        created_at=datetime.now(UTC),
        created_by="test",
    )
    package = sign_package(manifest, b"x", load_private_key(settings.keys, "packages"))
    ModelStore(settings.store_url).put("m", "1", package)


def write_rows(path: Path, rows: int) -> None:
    lines = [
        f"{n:05},2024-01-01T00:{n // 60 % 60:02}:{n % 60:02}Z,{n},{n % 7:02},{n % 2}"
        for n in range(rows)
    ]
    path.write_text("key,at,a,code,y\n" + "\n".join(lines) + "\n")


def command(settings: Settings, *options: str) -> subprocess.Popen[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "MILLRACE_PROJECT_DIR": str(settings.project_dir),
        "MILLRACE_BOOTSTRAP_SERVERS": settings.kafka,
        "MILLRACE_TOPIC_PREFIX": settings.topic_prefix,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "producers", "rows.csv", "--model", "m", "--json", *options],
        cwd=settings.project_dir,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, dict[str, Any], str]:
    """Exit status, the summary (empty if none was printed), standard error."""
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, json.loads(out.splitlines()[-1]) if out else {}, err


@pytest.fixture
def project(ready: Settings) -> Settings:
    store_model(ready)
    write_rows(ready.project_dir / "rows.csv", 4000)
    return ready


def ids_on(settings: Settings, topic: str) -> Counter[str]:
    return Counter(json.loads(m.value())["event_id"] for m in consumed(settings, topic))


def features_of(settings: Settings) -> str:
    return Topics(settings).features.name


EVERY_ROW_ONCE = Counter(f"{n:05}" for n in range(4000))


def test_every_event_arrives_once_with_key_and_headers(ready: Settings) -> None:
    reports: list[Delivery] = []
    with FeatureProducer(ready) as producer:
        for number in range(500):
            producer.send(event(number), on_delivery=reports.append)
        producer.send(event(500), traceparent="00-abc-def-01")
    messages = consumed(ready, features_of(ready))
    assert Counter(json.loads(m.value())["event_id"] for m in messages) == Counter(
        f"e{n}" for n in range(501)
    )
    for message in messages:
        assert message.key().decode() == json.loads(message.value())["entity_id"]
        assert ("schema-version", b"1") in message.headers()
    traced = [m for m in messages if ("traceparent", b"00-abc-def-01") in m.headers()]
    assert [json.loads(m.value())["event_id"] for m in traced] == ["e500"]
    there = {(m.partition(), m.offset()) for m in messages}
    assert {(r.partition, r.offset) for r in reports} < there
    assert len(reports) == 500


def test_a_producer_that_has_a_name_says_it_with_every_record(ready: Settings) -> None:
    with FeatureProducer(ready.model_copy(update={"producer_name": "pricing"})) as producer:
        producer.send(event(0))
        producer.send(event(1), traceparent="00-abc-def-01")
    for message in consumed(ready, features_of(ready)):
        assert ("producer", b"pricing") in message.headers()


def test_other_clients_send_an_entity_to_the_same_partition(ready: Settings) -> None:
    topic = features_of(ready)
    entities = [f"entity-{n}-é" for n in range(60)]
    with FeatureProducer(ready) as producer:
        for entity in entities:
            producer.send(event(0, entity_id=entity))
    other = ck.Producer({"bootstrap.servers": ready.kafka, "partitioner": "murmur2_random"})
    for entity in entities:
        other.produce(topic, b"{}", key=entity.encode())
    other.flush(30)
    partitions: dict[bytes, set[int]] = {}
    for message in consumed(ready, topic):
        partitions.setdefault(message.key(), set()).add(message.partition())
    assert len(partitions) == 60
    assert all(len(of_entity) == 1 for of_entity in partitions.values())
    assert len(set.union(*partitions.values())) > 1


def test_labels_go_to_their_topic_keyed_by_event(ready: Settings) -> None:
    label = Label(event_id="e1", model="m", label="late", occurred_at=1.7e9)
    with FeatureProducer(ready) as producer:
        producer.send_label(label)
    [message] = consumed(ready, Topics(ready).labels.name)
    assert message.key() == b"e1"
    assert json.loads(message.value())["label"] == "late"


def test_the_largest_event_passes_and_a_larger_one_is_refused(ready: Settings) -> None:
    with FeatureProducer(ready) as producer:
        producer.send(event(1, features={"text": "x" * (ready.max_event_bytes - 300)}))
        with pytest.raises(UsageError, match="at most 1,048,576 are allowed"):
            producer.send(event(2, features={"text": "x" * ready.max_event_bytes}))
    assert ids_on(ready, features_of(ready)) == Counter(["e1"])


def test_topics_that_do_not_exist_are_not_made(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="has no topic"):
        FeatureProducer(settings)
    assert describe_topics(settings, [features_of(settings)]) == {}


def test_a_source_of_events_is_replayed_with_progress(ready: Settings) -> None:
    shown = []
    with FeatureProducer(ready) as producer:
        result = replay(
            ((event(n), None) for n in range(300)), producer, rate=1000, on_progress=shown.append
        )
    assert (result.sent, result.acknowledged, result.unacknowledged) == (300, 300, 0)
    assert result.seconds >= 0.29
    assert shown[-1].acknowledged == 300
    assert ids_on(ready, features_of(ready)).total() == 300


def test_an_event_that_is_refused_is_counted_and_its_neighbours_pass(ready: Settings) -> None:
    events = [(event(n, features={"a": float("nan") if n == 1 else 1.0}), None) for n in range(3)]
    with FeatureProducer(ready) as producer:
        result = replay(events, producer)
    assert (result.acknowledged, result.refused) == (2, 1)
    assert "'a' is nan" in str(result.first_refusal)
    assert ids_on(ready, features_of(ready)) == Counter(["e0", "e2"])


def test_a_file_is_sent_once_in_the_order_of_its_times(project: Settings) -> None:
    status, summary, _ = finish(
        command(project, "--id-column", "key", "--entity-column", "code", "--label-column", "y")
    )
    assert status == 0
    assert (summary["rows"], summary["acknowledged"], summary["labels"]) == (4000, 4000, 4000)
    messages = consumed(project, features_of(project))
    assert Counter(json.loads(m.value())["event_id"] for m in messages) == EVERY_ROW_ONCE
    assert ids_on(project, Topics(project).labels.name) == EVERY_ROW_ONCE
    times: dict[int, list[str]] = {}
    for message in messages:
        value = json.loads(message.value())
        times.setdefault(message.partition(), []).append(value["occurred_at"])
        assert set(value["features"]) == {"a", "code"}
        assert value["features"]["code"] == f"{int(value['event_id']) % 7:02}"
    assert all(of_partition == sorted(of_partition) for of_partition in times.values())


def replayed(settings: Settings, resume: bool, **watching: Any) -> ReplaySummary:
    request = ReplayRequest(
        source=TableFile(settings.project_dir / "rows.csv"), model="m", resume=resume
    )
    return replay_file(settings, request, **watching)


def test_a_finished_file_starts_again_but_not_with_resume(project: Settings) -> None:
    assert replayed(project, resume=False).acknowledged == 4000
    again = replayed(project, resume=True)
    assert (again.sent, again.finished) == (0, True)
    assert replayed(project, resume=False).acknowledged == 4000
    assert ids_on(project, features_of(project)).total() == 8000


def progress_of(settings: Settings) -> int:
    for path in (settings.state_dir / "replays").glob("*.json"):
        return int(json.loads(path.read_text())["rows_done"])
    return 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_replay_that_is_stopped_continues_with_every_row_once(
    project: Settings, number: signal.Signals
) -> None:
    process = command(project, "--id-column", "key", "--rate", "800")
    wait_for(lambda: progress_of(project) > 500, "the first saved progress")
    process.send_signal(number)
    status, summary, err = finish(process)
    assert status == 130
    assert summary["interrupted"]
    assert "--resume" in err
    assert ids_on(project, features_of(project)).total() == summary["rows_done"] < 4000
    status, again, _ = finish(command(project, "--id-column", "key", "--resume"))
    assert status == 0
    assert again["resumed_at"] == summary["rows_done"]
    assert ids_on(project, features_of(project)) == EVERY_ROW_ONCE


def test_a_replay_that_is_killed_again_and_again_continues_with_every_row_once(
    project: Settings,
) -> None:
    options = ("--id-column", "key", "--label-column", "y", "--rate", "1000")
    for goal in (700, 1900):
        process = command(project, *options, "--resume")
        wait_for(lambda goal=goal: progress_of(project) > goal, "progress")  # type: ignore[misc]
        saved = progress_of(project)
        # Let it run ahead of what it has saved, as far as a kill can catch it.
        wait_for(
            lambda saved=saved: ids_on(project, features_of(project)).total() > saved + 100,  # type: ignore[misc]
            "rows beyond the saved progress",
        )
        process.kill()
        process.communicate()
    status, summary, _ = finish(command(project, *options[:4], "--resume"))
    assert (status, summary["finished"]) == (0, True)
    assert ids_on(project, features_of(project)) == EVERY_ROW_ONCE
    assert ids_on(project, Topics(project).labels.name) == EVERY_ROW_ONCE


class NotText(str):
    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


def test_what_others_put_between_the_rows_does_not_hinder_the_search_for_them(
    ready: Settings,
) -> None:
    topic = features_of(ready)
    before = end_positions(ready, [topic])
    producer = KafkaProducer(bootstrap_servers=ready.kafka, linger_ms=1000)
    for row in range(5):
        hostile = [(NotText("x"), b"1")] if row % 2 else []
        producer.send(topic, b"{}", headers=[*hostile, header("r", row)], partition=0)
    producer.close()
    assert find_sent_rows(ready, before, "r") == {topic: {0, 2, 4}}


def test_a_changed_file_is_not_resumed(project: Settings) -> None:
    stop = threading.Event()
    stop.set()
    assert replayed(project, resume=False, stop=stop).interrupted
    write_rows(project.project_dir / "rows.csv", 3999)
    status, _, err = finish(command(project, "--resume"))
    assert status == 2
    assert "has changed since row" in err
    assert "Traceback" not in err


@contextmanager
def silent_broker(settings: Settings) -> Iterator[None]:
    """Stop the process that listens on Kafka's port, so that it takes bytes and answers none."""
    port = int(settings.kafka.rsplit(":", 1)[1])
    listeners = {
        connection.pid
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
    } - {None}
    assert listeners, "the broker's process cannot be seen from here"
    processes = [psutil.Process(pid) for pid in listeners]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def test_a_silent_broker_blocks_the_producer_which_then_says_so(ready: Settings) -> None:
    limited = ready.model_copy(
        update={"producer_unacknowledged": 200, "delivery_timeout_seconds": 3.0}
    )
    producer = FeatureProducer(limited)
    try:
        producer.send(event(0))
        producer.flush()
        with silent_broker(ready):
            for number in range(1, 201):
                producer.send(event(number))  # at once
            assert producer.unacknowledged == 200
            assert not producer.wait_for_room(0.1)
            with pytest.raises(DeliveryError, match=r"did not acknowledge \d+ records"):
                producer.send(event(201))
            assert producer.unacknowledged <= 200
    finally:
        producer.abandon()


def test_a_replay_at_a_silent_broker_ends_and_tells_how_many_are_not_acknowledged(
    ready: Settings,
) -> None:
    limited = ready.model_copy(update={"delivery_timeout_seconds": 3.0})
    producer = FeatureProducer(limited)
    try:
        assert replay([(event(0), None)], producer).acknowledged == 1
        with silent_broker(ready):
            result = replay(((event(n), None) for n in range(50)), producer)
        assert (result.acknowledged, result.unacknowledged) == (0, 50)
        assert result.failure is not None
    finally:
        producer.abandon()
