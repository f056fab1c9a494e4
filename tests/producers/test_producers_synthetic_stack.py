"""A stream of known drift on a real Kafka, counted by another client library."""

import json
import os
import threading
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import confluent_kafka as ck
import pytest
from command_line import millrace

from contracts.feature_schema import Feature, FeatureSchema
from contracts.kafka import create_topics
from contracts.keys import generate_keys, load_private_key
from contracts.model_store import ModelStore
from contracts.package_loading import installed_libraries
from contracts.packages import DataWindow, Manifest, Payload, sha256, sign_package
from contracts.settings import Settings
from contracts.topics import Topics
from producers.file_replay import ReplayRequest, replay_file
from producers.replay import Progress
from producers.synthetic.drift import Kind
from producers.synthetic.stream import COLUMNS, SyntheticStream

pytestmark = pytest.mark.stack

EVENTS, ONSET_ROW = 2000, 800
START, DELAY = datetime(2024, 1, 1, tzinfo=UTC), timedelta(days=1)
ONSET = START + timedelta(days=4)
"""Of ten days."""


@pytest.fixture
def ready(settings: Settings) -> Settings:
    create_topics(settings)
    generate_keys(settings.keys)
    manifest = Manifest(
        environment="local",
        model="dispute",
        version="1",
        task="classification",
        schema=FeatureSchema(
            (Feature("amount", "numeric"), Feature("channel", "categorical", True))
        ),
        payload=Payload("joblib", sha256(b"x"), 1),
        estimator="none",
        data=DataWindow(source="x", fingerprint="", rows=1, target="disputed"),
        golden=(),
        libraries=installed_libraries(),
        created_at=datetime.now(UTC),
        created_by="test",
    )
    package = sign_package(manifest, b"x", load_private_key(settings.keys, "packages"))
    ModelStore(settings.store_url).put("dispute", "1", package)
    return settings


def records(settings: Settings, topic: str) -> list[tuple[int, int, dict[str, Any]]]:
    """Partition, offset and value of all that stands on a topic."""
    consumer = ck.Consumer({"bootstrap.servers": settings.kafka, "group.id": "outsider"})
    found, deadline = [], time.monotonic() + 60
    try:
        for number in consumer.list_topics(topic, 30).topics[topic].partitions:
            partition = ck.TopicPartition(topic, number, 0)
            _, end = consumer.get_watermark_offsets(partition, 30)
            consumer.assign([partition])
            position = 0
            while position < end:
                assert time.monotonic() < deadline
                message = consumer.poll(1.0)
                if message is not None and message.error() is None:
                    position = message.offset() + 1
                    found.append((number, message.offset(), json.loads(message.value())))
    finally:
        consumer.close()
    return found


def row_of(value: dict[str, Any]) -> int:
    return int(value["event_id"].rsplit("-", 1)[1]) - 1


def at(value: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(value["occurred_at"])


def test_an_abrupt_stream_is_on_the_topics_with_its_labels_and_its_onset(ready: Settings) -> None:
    options = (
        f"--synthetic abrupt --model dispute --events {EVENTS} --onset 0.4 --start 2024-01-01 "
        "--span 10d --label-delay 1d --label-share 0.5 --json"
    )
    environment = {
        **os.environ,
        "MILLRACE_PROJECT_DIR": str(ready.project_dir),
        "MILLRACE_BOOTSTRAP_SERVERS": ready.kafka,
        "MILLRACE_TOPIC_PREFIX": ready.topic_prefix,
    }
    folder = ready.project_dir
    done = millrace("produce", *options.split(), folder=folder, environment=environment)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.splitlines()[-1])
    drift = summary["drift"]
    assert (drift["onset_row"], datetime.fromisoformat(drift["onset"])) == (ONSET_ROW, ONSET)
    features = Topics(ready).features.name
    events = records(ready, features)
    assert sorted(row_of(value) for _, _, value in events) == list(range(EVENTS))
    before = summary["before_onset"][features]
    for partition, offset, value in events:
        drifted = row_of(value) >= ONSET_ROW
        assert drifted == (at(value) >= ONSET) == (offset >= before[str(partition)])
        assert set(value["features"]) == {"amount", "channel"}
    amounts = [
        [v["features"]["amount"] for _, _, v in events if (at(v) >= ONSET) == drifted]
        for drifted in (False, True)
    ]
    assert median(amounts[1]) > 1.15 * median(amounts[0])
    labels = [value for _, _, value in records(ready, Topics(ready).labels.name)]
    assert len({label["event_id"] for label in labels}) == len(labels) == summary["labels"]
    assert 0.45 * EVENTS < len(labels) < 0.55 * EVENTS
    when = {value["event_id"]: at(value) for _, _, value in events}
    assert all(at(label) == when[label["event_id"]] + DELAY for label in labels)
    assert {type(label["label"]) for label in labels} == {bool}


def test_a_stream_that_was_stopped_goes_on_with_every_late_label_once(ready: Settings) -> None:
    stream = SyntheticStream(
        kind=Kind.GRADUAL, events=EVENTS, start=START, span=timedelta(days=10), onset=0.4
    )
    stop = threading.Event()

    def halfway(progress: Progress) -> None:
        if progress.acknowledged > EVENTS // 2:
            stop.set()

    def send(*, resume: bool, rate: float | None, **watching: Any) -> Any:
        request = ReplayRequest(
            source=stream,
            model="dispute",
            columns=COLUMNS,
            label_delay=DELAY,
            rate=rate,
            resume=resume,
        )
        return replay_file(ready, request, **watching)

    first = send(resume=False, rate=1000.0, on_progress=halfway, stop=stop)
    assert first.interrupted
    assert first.failure is None
    assert first.labels < first.sent < EVENTS
    second = send(resume=True, rate=None)
    assert second.finished
    assert second.before_onset == first.before_onset is not None
    for topic in (Topics(ready).features.name, Topics(ready).labels.name):
        rows = Counter(row_of(value) for _, _, value in records(ready, topic))
        assert rows == Counter(range(EVENTS))
