"""A worker process on a real Kafka: every acknowledged event has one prediction or dead letter."""

import time
from typing import Any

import confluent_kafka as ck
import msgspec
import pytest
from bombs import bomb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from kafka import KafkaAdminClient, KafkaProducer

from contracts.errors import ConfigurationError
from contracts.events import Prediction

pytestmark = [pytest.mark.stack, pytest.mark.long]

# `works` is the fixture of conftest.py; with importlib's import mode it cannot be imported.
Works = Any


def test_events_sent_before_the_worker_started_are_scored_by_the_version_in_force(
    works: Works,
) -> None:
    works.publish("1", 1.0, sequence=1)
    works.publish("2", 2.0, sequence=2)
    works.send(*works.events(100))
    works.start_worker()
    predictions = works.wait_for_predictions(100)
    assert len(predictions) == 100
    assert {p.prediction.value for p in predictions} == {2.0}
    assert {p.model.version for p in predictions} == {"2"}


def test_a_prediction_stands_in_the_partition_of_its_event_under_the_same_key(
    works: Works,
) -> None:
    works.publish("1", 1.0, sequence=1)
    works.send(*works.events(40))
    works.start_worker()
    works.wait_for_predictions(40)
    events = {
        (r.partition(), r.offset()): r.key() for r in works.records(works.topics.features.name)
    }
    for record in works.records(works.topics.predictions.name):
        source = msgspec.json.decode(record.value(), type=Prediction).source
        assert record.partition() == source.partition
        assert record.key() == events[source.partition, source.offset]


def test_hostile_records_become_dead_letters_and_their_neighbours_are_predicted(
    works: Works,
) -> None:
    works.publish("1", 1.0, sequence=1)
    hostile = {
        b"{": "malformed",
        b"[" * 500_000: "invalid",
        b'{"a":' * 150_000 + b"1": "malformed",
        b"\xff\xfe\x00": "malformed",
        works.event(event_id="x" * 300): "invalid",
        works.event(model="absent"): "unknown_model",
        works.event(occurred_at=time.time() * 1000): "time_out_of_range",
        works.event(features={"weight": 1}): "invalid_features",
        works.event(features={"size": "big"}): "invalid_features",
        works.event().replace(b":3,", b":NaN,"): "malformed",
        works.event().replace(b":3,", b":Infinity,"): "malformed",
        works.event(padding="x" * (1024 * 1024)): "too_large",
        b"": "empty",
    }
    mixed = [record for bad in hostile for record in (works.event(), bad)]
    works.send(*mixed, partition=0, **{"compression.type": "lz4"})
    works.start_worker()
    predictions = works.wait_for_predictions(len(hostile))
    letters = works.dead_letters()
    assert {value: letter.reason for letter, value in letters} == hostile
    offsets = [p.source.offset for p in predictions] + [x.source.offset for x, _ in letters]
    assert sorted(offsets) == list(range(2 * len(hostile)))
    assert all(letter.detail and letter.source.topic_id for letter, _ in letters)


def test_a_header_name_that_is_not_text_is_a_dead_letter_like_any_other(works: Works) -> None:
    class NotText(str):
        def encode(self, *_: Any) -> bytes:
            return b"\xff\xfe"

    works.publish("1", 1.0, sequence=1)
    producer = KafkaProducer(bootstrap_servers=works.settings.kafka)
    hostile = [(NotText("x"), b"value")]
    # Python makes code that has run often faster, and such code meets the error elsewhere.
    good: list[list[tuple[str, bytes]]] = [[]] * 300
    for headers in (*good, hostile, hostile, *good):
        producer.send(works.topics.features.name, works.event(), headers=headers, partition=0)
    producer.close()
    works.start_worker()
    predictions = works.wait_for_predictions(600)
    assert {p.source.offset for p in predictions} == {*range(300), *range(302, 602)}
    assert [x.source.offset for x, _ in _wait_for_letters(works, 2)] == [300, 301]


def test_records_that_only_compression_made_fit_do_not_stop_the_partition(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    vast = b"\0" * 6_000_000
    options = {"compression.type": "zstd", "message.max.bytes": 16_000_000}
    producer = ck.Producer({"bootstrap.servers": works.settings.kafka, **options})
    topic = works.topics.features.name
    producer.produce(topic, works.event(), b"k", 0, headers=[("h", vast)])
    producer.produce(topic, works.event(), vast, 0)
    producer.produce(topic, vast, b"k", 0)
    producer.produce(topic, works.event(), b"k", 0)
    assert producer.flush(60) == 0
    works.start_worker()
    [prediction] = works.wait_for_predictions(1)
    assert prediction.source.offset == 3
    letters = [letter for letter, _ in _wait_for_letters(works, 3)]
    assert [letter.source.offset for letter in letters] == [0, 1, 2]
    assert all(letter.reason == "too_large" and letter.truncated for letter in letters)


def test_a_batch_that_nobody_can_unpack_does_not_stop_the_partition(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    works.send(works.event(), partition=0)
    bomb(works.settings.kafka, works.topics.features.name, records=2500)
    works.send(works.event(), partition=0)
    works.start_worker()
    predictions = works.wait_for_predictions(2)
    assert {p.source.offset for p in predictions} == {0, 2501}
    letters = [letter for letter, _ in _wait_for_letters(works, 2500)]
    assert [letter.source.offset for letter in letters] == list(range(1, 2501))
    assert all(letter.reason == "too_large" and letter.truncated for letter in letters)


def test_an_event_as_large_as_the_topic_allows_is_predicted(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    event = works.event(features={"size": 3, "note": "x" * (1024 * 1024 - 400)})
    works.send(event)
    works.start_worker()
    [prediction] = works.wait_for_predictions(1)
    assert len(prediction.features["note"]) == 1024 * 1024 - 400


def test_events_in_every_compression_of_kafka_are_read(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    for number, codec in enumerate(("none", "gzip", "snappy", "lz4", "zstd")):
        options = {"compression.type": codec, "linger.ms": 50}
        works.send(*works.events(20, first=20 * number), **options)
    works.start_worker()
    predictions = works.wait_for_predictions(100)
    assert {p.event_id for p in predictions} == {f"e{n}" for n in range(100)}


def test_a_new_version_is_served_without_a_restart_and_loses_no_event(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    worker = works.start_worker()
    works.wait_until_served("1")
    works.send(*works.events(500))
    works.wait_for_predictions(500)
    digest = works.store_version("2", 2.0)
    works.deploy("2", digest, sequence=2)
    works.wait_until_served("2")
    works.send(*works.events(500, first=500))
    predictions = works.wait_for_predictions(1000)
    served = {p.event_id: (p.model.version, p.prediction.value) for p in predictions}
    assert {served[f"e{n}"] for n in range(500)} == {("1", 1.0)}
    assert {served[f"e{n}"] for n in range(500, 1000)} == {("2", 2.0)}
    assert worker.process.poll() is None


def test_what_is_not_a_valid_deployment_is_refused_and_the_model_stays(works: Works) -> None:
    works.publish("1", 1.0, sequence=5)
    works.start_worker()
    works.wait_until_served("1")
    digest = works.store_version("2", 2.0)
    works.send_control(b"not an envelope")
    works.send_control(b"[" * 100_000)
    works.deploy("2", digest, sequence=6, key=Ed25519PrivateKey.generate())
    works.deploy("2", digest, sequence=6, environment="production")
    works.deploy("2", digest, sequence=5)
    works.deploy("2", digest, sequence=4)
    _wait_for_rejections(works, 6)
    reasons = " / ".join(event.reason for event in works.model_events("rejected"))
    for words in ("envelope", "trusted keys", "environment 'production'", "not newer than 5"):
        assert words in reasons
    works.send(*works.events(10))
    assert {p.model.version for p in works.wait_for_predictions(10)} == {"1"}


def test_an_altered_package_is_refused_and_the_model_stays(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    works.start_worker()
    works.wait_until_served("1")
    for number, part in enumerate(("payload", "manifest.json", "signature.json"), start=2):
        digest = works.store_version(str(number), float(number))
        [path] = works.settings.project_dir.glob(f".millrace/models/*/packages/{digest}/{part}")
        altered = bytearray(path.read_bytes())
        altered[len(altered) // 2] ^= 1
        path.write_bytes(bytes(altered))
        works.deploy(str(number), digest, sequence=number)
        _wait_for_rejections(works, number - 1)
    assert len(works.model_events("kept")) == 3
    works.send(*works.events(10))
    assert {p.model.version for p in works.wait_for_predictions(10)} == {"1"}


def test_a_worker_that_starts_on_a_broken_deployment_serves_the_one_before(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    works.deploy("2", "0" * 64, sequence=2)
    works.start_worker()
    works.send(*works.events(10))
    assert {p.model.version for p in works.wait_for_predictions(10)} == {"1"}


def test_a_deployed_model_that_cannot_be_loaded_says_so_to_producers(works: Works) -> None:
    digest = works.store_version("1", 1.0)
    [payload] = works.settings.project_dir.glob(f".millrace/models/*/packages/{digest}/payload")
    payload.write_bytes(b"altered")
    works.deploy("1", digest, sequence=1)
    works.start_worker()
    works.send(works.event())
    _wait_for_rejections(works, 1)
    letters = _wait_for_letters(works, 1)
    assert letters[0][0].reason == "model_unavailable"


def test_events_wait_while_the_store_is_away_and_are_scored_once_it_is_back(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    models = works.settings.state_dir / "models"
    models.rename(away := models.with_name("away"))
    works.send(*works.events(10))
    worker = works.start_worker()
    worker.wait_for_log("events wait: no model can be loaded yet")
    away.rename(models)
    assert len(works.wait_for_predictions(10)) == 10
    assert not works.dead_letters()


def test_a_version_that_the_store_gives_late_is_served_late(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    works.start_worker()
    works.wait_until_served("1")
    digest = works.store_version("2", 2.0)
    [package] = works.settings.project_dir.glob(f".millrace/models/*/packages/{digest}")
    package.rename(away := package.with_name("away"))
    works.deploy("2", digest, sequence=2)
    _wait_for_rejections(works, 1)
    away.rename(package)
    works.wait_until_served("2")


def test_a_worker_stops_in_order_and_the_next_goes_on_exactly_where_it_was(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    worker = works.start_worker()
    works.send(*works.events(2000))
    works.wait_for_predictions(2000)
    assert worker.stop() == 0
    works.send(*works.events(100, first=2000))
    works.start_worker()
    predictions = works.wait_for_predictions(2100)
    assert len(predictions) == 2100


def test_a_topic_that_does_not_fit_ends_the_worker_as_a_mistake_of_its_operator(
    works: Works,
) -> None:
    admin = KafkaAdminClient(bootstrap_servers=works.settings.kafka)
    admin.create_partitions({works.topics.features.name: works.settings.partitions + 1})
    admin.close()
    works.publish("1", 1.0, sequence=1)
    worker = works.start_worker()
    assert worker.process.wait(60) == ConfigurationError.exit_status, worker.output
    assert "a topic that grows needs its outputs to grow first" in worker.output.splitlines()[-1]


def _wait_for_rejections(works: Works, count: int) -> None:
    works.wait_for(lambda: len(works.model_events("rejected")) >= count, f"{count} rejections")


def _wait_for_letters(works: Works, count: int) -> Any:
    return works.wait_for(
        lambda: letters if len(letters := works.dead_letters()) >= count else None, "dead letters"
    )
