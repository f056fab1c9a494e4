"""What is put on the topics appears as documents, once each."""

import threading
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from bombs import bomb
from confluent_kafka import Producer
from kafka import KafkaProducer, TopicPartition

from cli.lag import topic_states
from contracts.consumers import python_consumer
from contracts.dead_letters import DeadLetter, to_headers
from contracts.errors import ConfigurationError
from contracts.events import Classification, Label, Latency, ModelRef, Source
from contracts.kafka import (
    consumer_group,
    describe_topics,
    librdkafka_settings,
    python_client_settings,
)
from contracts.model_events import ModelEvent
from elk import indexer

pytestmark = pytest.mark.stack
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_prediction_can_be_found_as_it_was_made(log, start_indexer, wait_for):
    start_indexer(log.settings)
    scored = log.prediction(
        prediction=Classification("late", 0.75, {"late": 0.75, "on time": 0.25}), trace_id="t1"
    )
    log.send(log.topics.predictions.name, scored)

    assert wait_for(lambda: log.sources("predictions")) == [
        {
            "@timestamp": "2013-03-01T00:00:00Z",
            "predicted_at": "2013-03-01T00:01:00Z",
            "event": {"id": "e0"},
            "entity": {"id": "N1"},
            "trace": {"id": "t1"},
            "worker": {"id": "w1"},
            "model": {"name": "flights", "version": "1", "role": "champion"},
            "prediction": {
                "task": "classification",
                "label": "late",
                "confidence": 0.75,
                "probabilities": {"late": 0.75, "on time": 0.25},
            },
            "features": {"num": {"hour": 9.0}, "cat": {"carrier": "UA"}},
            "latency": {"queue_ms": 1.0, "inference_ms": 2.0, "total_ms": 3.0, "event_age_ms": 4.0},
            "kafka": {"topic": "features", "topic_id": "uuid", "partition": 0, "offset": 0},
        }
    ]


def test_labels_dead_letters_and_model_events_can_be_found(log, start_indexer, wait_for):
    start_indexer(log.settings)
    letter = DeadLetter(
        stage="worker",
        reason="malformed",
        detail="not JSON",
        source=Source("features", "uuid", 0, 7),
        sent_at=AT,
        failed_at=AT,
        member="w1",
    )
    log.send(
        log.topics.labels.name,
        Label(event_id="e0", model="flights", label=True, occurred_at=AT),
    )
    log.send(log.topics.dead_letters.name, b"{", headers=to_headers(letter, None))
    log.send(
        log.topics.model_events.name,
        ModelEvent(event="loaded", model="flights", at=AT, member="w1", version="2", load_ms=12.5),
    )

    (label,) = wait_for(lambda: log.sources("labels"))
    (dead_letter,) = wait_for(lambda: log.sources("dead-letters"))
    (model_event,) = wait_for(lambda: log.sources("model-events"))
    labels = log.topics.labels.name
    assert label["event"] == {"id": "e0"}
    assert label["label"] == {"value": "true"}
    assert label["kafka"]["topic_id"] == describe_topics(log.settings, [labels])[labels].id
    assert dead_letter["kafka"]["offset"] == 7
    assert dead_letter["dead_letter"]["excerpt"] == "{"
    assert dead_letter["dead_letter"]["reason"] == "malformed"
    assert model_event["model"] == {"name": "flights", "version": "2"}
    assert model_event["model_event"] == {"kind": "loaded", "load_ms": 12.5}


def test_the_same_prediction_twice_is_one_document(log, start_indexer, wait_for):
    start_indexer(log.settings)
    log.send(log.topics.predictions.name, log.prediction(0))
    wait_for(lambda: log.count() == 1)

    again = log.prediction(0, model=ModelRef("flights", "2", "champion"))
    log.send(log.topics.predictions.name, again, log.prediction(1))

    wait_for(lambda: log.count() == 2)
    assert sorted(d["model"]["version"] for d in log.sources("predictions")) == ["1", "1"]


def test_a_batch_that_nobody_can_unpack_becomes_dead_letters(log, start_indexer, wait_for):
    label = Label(event_id="e0", model="flights", label=True, occurred_at=AT)
    log.send(log.topics.labels.name, label)
    bomb(log.settings.kafka, log.topics.labels.name, records=200)
    log.send(log.topics.labels.name, label)
    start_indexer(log.settings)

    wait_for(lambda: log.count("dead-letters") == 200)
    assert sorted(d["kafka"]["offset"] for d in log.sources("labels")) == [0, 201]
    assert {d["dead_letter"]["reason"] for d in log.sources("dead-letters")} == {"too_large"}


def test_no_lag_is_left_by_what_ends_a_transaction(log, start_indexer, wait_for):
    start_indexer(log.settings)
    producer = Producer(librdkafka_settings(log.settings) | {"transactional.id": "w1"})
    producer.init_transactions()
    for count in (1, 2):
        producer.begin_transaction()
        producer.produce(log.topics.predictions.name, msgspec.json.encode(log.prediction(count)))
        producer.commit_transaction()

    wait_for(lambda: log.count() == 2)
    wait_for(lambda: sum(topic.lag.get("indexer", 0) for topic in topic_states(log.settings)) == 0)


def test_a_shadow_stands_beside_the_serving_prediction(log, start_indexer, wait_for):
    start_indexer(log.settings)
    shadow = log.prediction(0, model=ModelRef("flights", "2", "shadow"), features=None)
    log.send(log.topics.predictions.name, log.prediction(0))
    log.send(log.topics.shadow_predictions.name, shadow)

    wait_for(lambda: log.count() == 2)


@pytest.mark.parametrize(
    ("value", "reason"),
    [(b"{", "malformed"), (None, "empty"), (b'{"event_id":1}', "invalid")],
)
def test_a_record_that_cannot_be_read_becomes_a_dead_letter(
    log, start_indexer, wait_for, value, reason
):
    start_indexer(log.settings)
    log.send(log.topics.labels.name, value, headers=[("trace", b"abc"), ("none", None)])

    (found,) = wait_for(lambda: log.sources("dead-letters"))

    assert found["dead_letter"]["stage"] == "indexer"
    assert found["dead_letter"]["reason"] == reason
    assert found["kafka"]["topic"] == log.topics.labels.name


def test_a_document_that_elasticsearch_refuses_becomes_a_dead_letter(log, start_indexer, wait_for):
    start_indexer(log.settings)
    beyond_float = log.prediction(5, latency=Latency(1e300, 2, 3, 4))
    log.send(log.topics.predictions.name, log.prediction(1), beyond_float, log.prediction(2))

    (found,) = wait_for(lambda: log.sources("dead-letters"))

    assert found["dead_letter"]["reason"] == "document_rejected"
    assert "latency.queue_ms" in found["dead_letter"]["detail"]
    assert found["event"] == {"id": "e5"}
    assert found["kafka"] == {
        "topic": "features",
        "topic_id": "uuid",
        "partition": 0,
        "offset": 5,
    }
    assert wait_for(lambda: log.count() == 2)


def test_an_over_long_id_harms_only_its_own_record(log, start_indexer, wait_for):
    """Elasticsearch refuses the whole request for it."""
    start_indexer(log.settings)
    over_long = log.prediction(5, model=ModelRef("flights", "v" * 600, "shadow"))
    neighbours = [log.prediction(n) for n in range(5)]
    log.send(log.topics.predictions.name, *neighbours[:3], over_long, *neighbours[3:])

    (found,) = wait_for(lambda: log.sources("dead-letters"))

    assert "too long" in found["dead_letter"]["detail"]
    assert found["event"] == {"id": "e5"}
    assert wait_for(lambda: log.count() == 5)


def test_a_dead_letter_that_is_refused_does_not_go_round(log, start_indexer, wait_for):
    start_indexer(log.settings)
    log.send(log.topics.dead_letters.name, b"no headers at all")
    log.send(log.topics.dead_letters.name, b"", headers=[("millrace-stage", b"worker")])
    log.send(log.topics.labels.name, b"{")

    wait_for(lambda: log.count("dead-letters") == 1)
    log.send_predictions(1)
    wait_for(lambda: log.count() == 1)
    assert log.count("dead-letters") == 1


class NotText(str):
    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


def send_hostile(settings, topic, *values):
    """Put values on a topic in one batch, every second one with a header name that is no text."""
    producer = KafkaProducer(**python_client_settings(settings), linger_ms=1000)
    for n, value in enumerate(values):
        headers = [(NotText("x"), b"1"), ("y", b"2")] if n % 2 else []
        content = value if isinstance(value, bytes) else msgspec.json.encode(value)
        producer.send(topic, content, key=b"k", headers=headers, partition=0)
    producer.close()


def test_header_names_that_are_not_text_harm_only_their_own_records(log, start_indexer, wait_for):
    predictions = log.topics.predictions.name
    send_hostile(log.settings, predictions, *(log.prediction(n) for n in range(7)))
    start_indexer(log.settings)

    wait_for(lambda: log.count() == 4)
    wait_for(lambda: log.count("dead-letters") == 3)
    assert {d["event"]["id"] for d in log.sources("predictions")} == {"e0", "e2", "e4", "e6"}
    letters = sorted(log.sources("dead-letters"), key=lambda d: d["kafka"]["offset"])
    assert [d["kafka"]["offset"] for d in letters] == [1, 3, 5]
    for letter in letters:
        assert letter["kafka"]["topic"] == predictions
        assert letter["dead_letter"]["stage"] == "indexer"
        assert letter["dead_letter"]["reason"] == "malformed"
        assert letter["dead_letter"]["detail"] == "the name of a header is not UTF-8"
        assert '"event_id":' in letter["dead_letter"]["excerpt"]


def test_no_topic_can_be_blocked_by_a_header_name_that_is_not_text(log, start_indexer, wait_for):
    topics = log.topics
    letters, events = topics.dead_letters.name, topics.model_events.name
    label = Label(event_id="e0", model="flights", label=True, occurred_at=AT)
    told = ModelEvent(event="loaded", model="flights", at=AT, member="w1", version="2")
    for topic, value in (
        (topics.shadow_predictions.name, log.prediction(0)),
        (topics.labels.name, label),
        (letters, b"no headers"),
        (events, told),
    ):
        send_hostile(log.settings, topic, value, value, value)
    start_indexer(log.settings)

    for kind, documents in (("predictions", 1), ("labels", 2), ("model-events", 2)):
        wait_for(lambda kind=kind, documents=documents: log.count(kind) == documents)
    wait_for(lambda: log.count("dead-letters") == 3)
    assert {d["kafka"]["topic"] for d in log.sources("dead-letters")} == {
        topics.shadow_predictions.name,
        topics.labels.name,
        events,
    }
    partition = TopicPartition(letters, 0)
    consumer = python_consumer(log.settings, group_id=consumer_group(log.settings, "indexer"))
    end = consumer.end_offsets([partition])[partition]
    wait_for(lambda: consumer.committed(partition) == end)
    consumer.close()
    assert log.count("dead-letters") == 3


def test_hostile_features_reach_the_index_and_harm_nobody(log, start_indexer, wait_for):
    start_indexer(log.settings)
    hostile: list[dict] = [
        {"a.b": 1.0, "a": 2.0, "a.b.c": "x", ".": 1.0, "..": "y", "_id": 3.0, "\x00": 1.0},
        {"": 1.0, " ": "x", "\t": 2.0},
        {"word": "x" * 40_000, "emoji": "😀" * 20_000},
        {"huge": 1e300, "hour": -1e300},
        {"hour": "nine", "carrier": 7.0},
        {f"n{i}": 1.0 for i in range(50_000)},
        {"name" * 10_000: 1.0},
        {"yes": True, "no": False, "nothing": None},
    ]
    for offset, features in enumerate(hostile):
        log.send(log.topics.predictions.name, log.prediction(offset, features=features))
    log.send(log.topics.predictions.name, log.prediction(99))

    wait_for(lambda: log.count() == len(hostile) + 1)
    assert log.count("dead-letters") == 0
    by_event = {d["event"]["id"]: d["features"] for d in log.sources("predictions")}
    assert by_event["e1"] == {"num": {}, "cat": {}}
    assert by_event["e4"] == {"num": {"carrier": 7.0}, "cat": {"hour": "nine"}}
    assert by_event["e7"] == {"num": {}, "cat": {"yes": "true", "no": "false"}}
    mean = log.elasticsearch.search(
        index=f"{log.settings.index_prefix}-predictions-*",
        size=0,
        aggs={"a": {"avg": {"field": "features.num.a.b"}}},
    )
    assert mean["aggregations"]["a"]["value"] == 1.0


def test_many_classes_do_not_grow_the_mapping(log, start_indexer, wait_for):
    start_indexer(log.settings)
    outcome = Classification("c0", 0.5, {f"c{n}": 0.1 for n in range(5000)} | {"": 0.1, "a.": 0.1})
    log.send(log.topics.predictions.name, log.prediction(0, prediction=outcome))

    (found,) = wait_for(lambda: log.sources("predictions"))

    assert len(found["prediction"]["probabilities"]) == 5002
    mappings = log.elasticsearch.indices.get_mapping(
        index=f"{log.settings.index_prefix}-predictions-*"
    )
    (mapping,) = (index["mappings"] for index in mappings.values())
    assert mapping["properties"]["prediction"]["properties"]["probabilities"] == {
        "type": "object",
        "enabled": False,
    }


def test_without_its_topics_it_says_how_to_create_them(settings):
    with pytest.raises(ConfigurationError, match="millrace setup"):
        indexer.run(settings, threading.Event())
