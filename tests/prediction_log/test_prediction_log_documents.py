"""The `_source` of each kind of document."""

import json
from datetime import UTC, datetime

import msgspec
import pytest

from contracts.dead_letters import DeadLetter
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
from prediction_log import documents
from prediction_log.bulk import create_lines

SOURCE = Source("features", "uuid", 3, 41)
AT = datetime(2013, 3, 1, 12, tzinfo=UTC)


def prediction(outcome: Outcome, **more: object) -> Prediction:
    return Prediction(
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


def source_of(document: msgspec.Struct) -> dict:
    return json.loads(msgspec.json.encode(document))


def test_a_prediction_becomes_nested_objects():
    scored = prediction(
        Classification("late", 0.7, {"late": 0.7, "on time": 0.3}),
        features={"hour": 9, "carrier": "UA", "gap": None},
        trace_id="t1",
    )

    assert source_of(documents.from_prediction(scored)) == {
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
    assert "features" not in source_of(documents.from_prediction(prediction(Regression(1.5))))


@pytest.mark.parametrize(
    ("outcome", "fields"),
    [
        (Regression(1.5), {"task": "regression", "value": 1.5}),
        (Clustering(4, 0.2), {"task": "clustering", "cluster": 4, "distance": 0.2}),
        (Anomaly(True, -0.3), {"task": "anomaly", "is_anomaly": True, "score": -0.3}),
    ],
)
def test_each_task_has_its_own_fields(outcome: Outcome, fields: dict):
    assert source_of(documents.from_prediction(prediction(outcome)))["prediction"] == fields


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


def test_a_dead_letter_shows_the_beginning_of_the_original():
    letter = DeadLetter(
        stage="worker",
        reason="malformed",
        detail="not JSON",
        source=SOURCE,
        sent_at=AT,
        failed_at=AT,
        member="w1",
    )

    found = source_of(documents.from_dead_letter(letter, b"\xff{" + b"x" * 9998))

    assert found["dead_letter"]["size"] == 10_000
    assert found["dead_letter"]["excerpt"].startswith("\ufffd{xx")
    assert len(found["dead_letter"]["excerpt"]) == documents.EXCERPT_BYTES
    assert "model" not in found
    assert "event" not in found


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
