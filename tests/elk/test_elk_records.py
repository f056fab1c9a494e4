"""From a record to a document, or to a reason its producer can act on."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import pytest

from contracts.dead_letters import DeadLetter, to_headers
from contracts.events import Latency, ModelRef, Prediction, Regression, Source
from contracts.replays import ReplayMark, mark_headers
from contracts.settings import Settings
from contracts.topics import Topics
from elk.records import Rejection, Transcriber

SETTINGS = Settings()
TOPICS = Topics(SETTINGS)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOURCE = Source("features", "uuid", 3, 41)
LABEL = {"event_id": "e1", "model": "flights", "label": 1, "occurred_at": "2013-03-01T12:00:00Z"}
IDS = {topic.name: f"id-of-{topic.name}" for topic in TOPICS.all()}


@dataclass
class Record:
    topic: str
    value: bytes | None
    partition: int = 2
    offset: int = 5
    timestamp: int = 0
    key: bytes | None = None
    headers: list[tuple[str, bytes]] | None = field(default_factory=list)


def transcriber() -> Transcriber:
    return Transcriber(SETTINGS, TOPICS, IDS)


def entry(record: Record) -> tuple[str, str, dict]:
    action, source = transcriber().lines(record).splitlines()
    target = json.loads(action)["create"]
    return target["_index"], target["_id"], json.loads(source)


def rejection(record: Record) -> Rejection:
    with pytest.raises(Rejection) as caught:
        transcriber().lines(record)
    return caught.value


def prediction(source: Source = SOURCE) -> bytes:
    return msgspec.json.encode(
        Prediction(
            event_id="e1",
            entity_id="N1",
            occurred_at=AT,
            predicted_at=AT,
            model=ModelRef("flights", "2", "champion"),
            prediction=Regression(1.0),
            latency=Latency(1, 2, 3, 4),
            source=source,
            worker="w1",
        )
    )


INCREDIBLE = (
    Source("features", "", 0, 0),
    Source("", "uuid", 0, 0),
    Source("features", "uuid" * 200, 0, 0),
    Source("features", "uuid", 2**31, 0),
    Source("features", "uuid", 0, -1),
)


def test_a_prediction_is_known_by_the_event_it_answers():
    index, document_id, _ = entry(Record(TOPICS.predictions.name, prediction()))

    assert (index, document_id) == ("millrace-predictions-flights-2026.03", "uuid-3-41-serving")


def test_a_label_is_known_by_its_own_record():
    index, document_id, source = entry(Record(TOPICS.labels.name, msgspec.json.encode(LABEL)))

    assert (index, document_id) == ("millrace-labels-flights-2013.03", "id-of-labels-2-5")
    assert source["kafka"]["offset"] == 5


def test_a_dead_letter_is_known_by_the_record_it_sets_aside():
    letter = DeadLetter(
        stage="worker",
        reason="empty",
        detail="nothing in it",
        source=SOURCE,
        sent_at=AT,
        failed_at=AT,
        member="w1",
    )
    record = Record(TOPICS.dead_letters.name, None, headers=to_headers(letter, None))

    assert entry(record)[:2] == ("millrace-dead-letters-2026.03", "uuid-3-41")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "empty"),
        (b"", "empty"),
        (b"{", "malformed"),
        (b"\xff", "malformed"),
        (b'{"x":' + b"[" * 100_000, "malformed"),
        (b"[]", "invalid"),
        (b'{"event_id": 3}', "invalid"),
        (msgspec.json.encode({**LABEL, "model": "Not-A-Name"}), "invalid"),
        (msgspec.json.encode({**LABEL, "occurred_at": 1.4e12}), "time_out_of_range"),
        (msgspec.json.encode({**LABEL, "occurred_at": 1e300}), "time_out_of_range"),
        (
            msgspec.json.encode({**LABEL, "occurred_at": "9999-01-01T00:00:00Z"}),
            "time_out_of_range",
        ),
        (
            msgspec.json.encode({**LABEL, "occurred_at": "1013-01-01T00:00:00Z"}),
            "time_out_of_range",
        ),
    ],
)
def test_a_bad_label_gets_a_reason(value: bytes | None, reason: str):
    assert rejection(Record(TOPICS.labels.name, value)).reason == reason


def test_milliseconds_taken_for_seconds_are_named():
    value = msgspec.json.encode({**LABEL, "occurred_at": 1.4e12})

    assert "milliseconds" in rejection(Record(TOPICS.labels.name, value)).detail


def test_a_time_without_zone_is_refused():
    value = prediction().replace(
        b'"occurred_at":"2026-03-01T12:00:00Z"', b'"occurred_at":"2026-03-01T12:00:00"'
    )

    assert "no zone" in rejection(Record(TOPICS.predictions.name, value)).detail


@pytest.mark.parametrize("headers", [[], [("millrace-stage", None)], [("millrace-stage", b"\xff")]])
def test_a_dead_letter_without_its_headers_is_refused_and_not_sent_round_again(headers: list):
    record = Record(TOPICS.dead_letters.name, b"anything", headers=headers)

    assert rejection(record).reason == "invalid"
    assert not transcriber().may_become_dead_letter(record)


def marked() -> list[tuple[str, bytes]]:
    return mark_headers(
        ReplayMark(letter="uuid-3-7", first="uuid-3-7", attempt=2, first_seen=AT),
    )


def test_a_replayed_prediction_resolves_its_letter():
    record = Record(TOPICS.predictions.name, prediction(), headers=marked())
    action, merge = (transcriber().mark(record) or b"").splitlines()

    assert json.loads(action)["update"]["_index"] == "millrace-replays-dead-letters"
    assert json.loads(action)["update"]["_id"] == "uuid-3-7"
    assert json.loads(merge)["doc"]["replay"]["resolved"] == {
        "index": "millrace-predictions-flights-2026.03",
        "id": "uuid-3-41-serving",
    }


@pytest.mark.parametrize(
    "headers",
    [
        [],
        marked()[:3],
        [*marked()[:1], ("millrace-replay-attempt", b"many"), *marked()[2:]],
        [("millrace-replay-of", b"no id"), *marked()[1:]],
        [("millrace-replay-of", b"x" * 5000 + b"-0-1"), *marked()[1:]],
        [*marked()[:3], ("millrace-replay-first-seen", b"2026-03-01T12:00:00")],
        [*marked()[:3], ("millrace-replay-first-seen", None)],
    ],
)
def test_a_mark_that_is_not_well_formed_is_none(headers):
    assert (
        transcriber().mark(Record(TOPICS.predictions.name, prediction(), headers=headers)) is None
    )


def test_a_shadow_resolves_nothing_and_its_letter_stands_for_itself():
    shadow = Record(TOPICS.shadow_predictions.name, prediction(), headers=marked())

    assert transcriber().mark(shadow) is None
    assert transcriber().origin(shadow).source.topic == TOPICS.shadow_predictions.name


def test_the_dead_letter_of_a_prediction_speaks_of_its_event():
    origin = transcriber().origin(Record(TOPICS.predictions.name, prediction()))

    assert (origin.source, origin.model, origin.event_id) == (SOURCE, "flights", "e1")


@pytest.mark.parametrize("value", [b"{", *map(prediction, INCREDIBLE)])
def test_a_record_that_does_not_tell_its_event_stands_for_itself(value: bytes):
    origin = transcriber().origin(Record(TOPICS.predictions.name, value))

    assert origin.source == Source("predictions", "id-of-predictions", 2, 5)


@pytest.mark.parametrize(
    "topic", [topic.name for topic in TOPICS.all()[1:] if "control" not in topic.name]
)
def test_a_record_with_a_header_name_that_is_not_text_becomes_none(topic):
    found = rejection(Record(topic, prediction(), headers=None))
    assert (found.reason, found.detail) == ("malformed", "the name of a header is not UTF-8")


def test_a_record_with_a_header_name_that_is_not_text_speaks_for_no_other_event():
    record = Record(TOPICS.predictions.name, prediction(), headers=None)
    assert transcriber().origin(record).source == Source(record.topic, IDS[record.topic], 2, 5)
