"""The `_source` of each kind of document."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from contracts.dead_letters import DeadLetter, from_headers, to_headers
from contracts.events import (
    Anomaly,
    Classification,
    Clustering,
    Label,
    Latency,
    ModelRef,
    Outcome,
    Prediction,
    Regression,
    Source,
)
from contracts.model_events import ModelEvent
from contracts.replays import ReplayMark
from prediction_log import documents
from prediction_log.bulk import create_lines
from prediction_log.dead_letter_documents import EXCERPT_BYTES, from_dead_letter

SOURCE = Source("features", "uuid", 3, 41)
AT = datetime(2013, 3, 1, 12, tzinfo=UTC)


def prediction(outcome: Outcome, **more: object) -> documents.ReceivedPrediction:
    """As a worker sends it and an indexer reads it."""
    sent = Prediction(
        event_id="e1",
        entity_id="N1",
        occurred_at=AT,
        predicted_at=AT,
        model=ModelRef("flights", "2", "champion"),
        prediction=outcome,
        latency=Latency(1, 2, 3, 4),
        source=SOURCE,
        worker="w1",
        **more,  # type: ignore[arg-type]
    )
    return msgspec.json.decode(msgspec.json.encode(sent), type=documents.ReceivedPrediction)


def document_of(received: documents.ReceivedPrediction) -> documents.PredictionDocument:
    return documents.from_prediction(received, documents.received_model(received.model))


def source_of(document: msgspec.Struct) -> dict:
    return json.loads(msgspec.json.encode(document))


def test_a_prediction_becomes_nested_objects():
    scored = prediction(
        Classification("late", 0.7, {"late": 0.7, "on time": 0.3}),
        features={"hour": 9, "carrier": "UA", "gap": None},
        trace_id="t1",
    )

    assert source_of(document_of(scored)) == {
        "@timestamp": "2013-03-01T12:00:00Z",
        "predicted_at": "2013-03-01T12:00:00Z",
        "event": {"id": "e1"},
        "entity": {"id": "N1"},
        "trace": {"id": "t1"},
        "worker": {"id": "w1"},
        "model": {"name": "flights", "version": "2", "role": "champion"},
        "prediction": {
            "task": "classification",
            "label": "late",
            "confidence": 0.7,
            "probabilities": {"late": 0.7, "on time": 0.3},
        },
        "features": {"num": {"hour": 9}, "cat": {"carrier": "UA"}},
        "latency": {"queue_ms": 1, "inference_ms": 2, "total_ms": 3, "event_age_ms": 4},
        "kafka": {"topic": "features", "topic_id": "uuid", "partition": 3, "offset": 41},
    }


def test_a_shadow_repeats_no_features():
    assert "features" not in source_of(document_of(prediction(Regression(1.5))))


@pytest.mark.parametrize(
    ("outcome", "fields"),
    [
        (Regression(1.5), {"task": "regression", "value": 1.5}),
        (Clustering(4, 0.2), {"task": "clustering", "cluster": 4, "distance": 0.2}),
        (Anomaly(True, -0.3), {"task": "anomaly", "is_anomaly": True, "score": -0.3}),
    ],
)
def test_each_task_has_its_own_fields(outcome: Outcome, fields: dict):
    assert source_of(document_of(prediction(outcome)))["prediction"] == fields


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("late", {"value": "late"}),
        (True, {"value": "true"}),
        (1.0, {"value": "1", "number": 1}),
        (2, {"value": "2", "number": 2}),
        (14.5, {"value": "14.5", "number": 14.5}),
        (None, {}),
    ],
)
def test_a_label_is_written_as_predictions_write_classes(label: object, written: dict):
    message = Label(event_id="e1", model="flights", label=label, occurred_at=AT)  # type: ignore[arg-type]

    assert source_of(documents.from_label(message, SOURCE))["label"] == written


def letter(**changes: Any) -> DeadLetter:
    fields: dict[str, Any] = {
        "stage": "worker",
        "reason": "malformed",
        "detail": "not JSON",
        "source": SOURCE,
        "sent_at": AT,
        "failed_at": AT,
        "member": "w1",
    }
    return DeadLetter(**(fields | changes))


def test_a_dead_letter_shows_the_beginning_of_the_original():
    found = source_of(from_dead_letter(letter(), "é".encode() * 50_000))

    assert found["dead_letter"]["size"] == 100_000
    assert found["dead_letter"]["excerpt"] == "é" * (EXCERPT_BYTES // 2)
    assert "model" not in found
    assert "event" not in found


def test_bytes_that_are_no_text_are_shown_in_base64():
    headers = [("origin", b"gate 7"), ("raw", b"\xff"), ("millrace-stage", b"worker")]
    found = source_of(from_dead_letter(letter(), b"\xff{", headers))["dead_letter"]

    assert "excerpt" not in found
    assert base64.b64decode(found["excerpt_base64"]) == b"\xff{"
    assert found["headers"] == [
        {"name": "origin", "text": "gate 7"},
        {"name": "raw", "base64": "/w=="},
    ]


def test_headers_beyond_the_bound_are_counted():
    headers = [("h", b"x" * 10_000)] * 5
    found = source_of(from_dead_letter(letter(), b"", headers))["dead_letter"]

    assert (len(found["headers"]), found["headers_left_out"]) == (1, 4)


def test_a_letter_whose_replay_failed_keeps_the_time_of_the_first():
    mark = ReplayMark(letter="uuid-0-9", first="uuid-0-7", attempt=3, first_seen=AT)
    again = letter(failed_at=AT + timedelta(hours=2), replay=mark)
    read = from_headers(to_headers(again, None))

    found = source_of(from_dead_letter(read, b""))

    assert read == again
    assert found["failed_at"] == "2013-03-01T14:00:00Z"
    assert found["dead_letter"]["first_seen"] == "2013-03-01T12:00:00Z"
    assert found["dead_letter"]["attempts"] == 3
    assert found["dead_letter"]["replay_of"] == "uuid-0-9"
    assert found["dead_letter"]["first"] == "uuid-0-7"


def test_who_sent_it_is_unknown_unless_it_says_so():
    named = letter(producer="billing")

    assert source_of(from_dead_letter(letter(), b""))["dead_letter"]["producer"] == "unknown"
    assert source_of(from_dead_letter(named, b""))["dead_letter"]["producer"] == "billing"


def test_a_model_event_keeps_what_is_known():
    event = ModelEvent(
        event="swapped", model="flights", at=AT, member="w1", version="2", previous_version="1"
    )

    found = source_of(documents.from_model_event(event, SOURCE))

    assert found["model"] == {"name": "flights", "version": "2"}
    assert found["model_event"] == {"kind": "swapped", "previous_version": "1"}
    assert found["worker"] == {"id": "w1"}


def test_a_hostile_id_cannot_break_out_of_its_bulk_line():
    hostile = 'x"}}\n{"delete":{"_id":"1'
    lines = create_lines("an-index", hostile, documents.Identity("1")).split(b"\n")

    assert json.loads(lines[0]) == {"create": {"_index": "an-index", "_id": hostile}}
    assert lines[1:] == [b'{"id":"1"}', b""]
