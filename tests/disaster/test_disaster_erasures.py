"""Which records an erasure speaks of, told by hashes and by places alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from contracts.dead_letters import DeadLetter
from contracts.erasures import Erasure, Erasures, decode_erasure, entity_hash, event_hash
from contracts.errors import MillraceError
from contracts.events import Source
from contracts.settings import Settings
from contracts.topics import Topics
from elk.entities import entities_of

AT = datetime(2026, 3, 1, tzinfo=UTC)
SALT = "00ff"


def erasure(**changes: Any) -> Erasure:
    fields: dict[str, Any] = {
        "salt": SALT,
        "entity": entity_hash(SALT, "ann"),
        "events": (event_hash(SALT, "m", "e1"),),
        "at": AT,
        "ends": {"uuid": (10, 0)},
    }
    return Erasure(**(fields | changes))


def place(offset: int, partition: int = 0, topic_id: str = "uuid") -> Source:
    return Source("features", topic_id, partition, offset)


def test_what_stood_there_is_erased_and_what_came_later_is_not_whatever_clocks_say() -> None:
    erasures = Erasures([erasure()])
    for sent_at in (AT - timedelta(days=1), AT + timedelta(days=1)):
        assert erasures.cover_entity("ann", place(9), sent_at)
        assert not erasures.cover_entity("ann", place(10), sent_at)
        assert not erasures.cover_entity("ann", place(0, partition=1), sent_at)
        assert not erasures.cover_entity("ann", place(0, partition=2), sent_at)


def test_only_where_the_topic_is_another_one_the_time_decides() -> None:
    erasures = Erasures([erasure()])
    assert erasures.cover_entity("ann", place(99, topic_id="old"), AT - timedelta(seconds=1))
    assert not erasures.cover_entity("ann", place(0, topic_id="new"), AT)


def test_others_are_not_erased() -> None:
    erasures = Erasures([erasure()])
    assert erasures.cover_event("m", "e1", place(1), AT)
    for model, event in (("m", "e2"), ("n", "e1"), ("m", "ann")):
        assert not erasures.cover_event(model, event, place(1), AT)
    assert not erasures.cover_entity("bob", place(1), AT)
    assert not erasures.cover_entity("e1", place(1), AT)


def test_a_later_erasure_of_an_entity_does_not_lift_the_earlier_one() -> None:
    later = erasure(events=(), ends={"uuid": (20, 20)}, at=AT + timedelta(days=1))
    erasures = Erasures([erasure(), later])
    assert erasures.cover_entity("ann", place(19), AT)
    assert erasures.cover_event("m", "e1", place(9), AT)
    assert not erasures.cover_event("m", "e1", place(19), AT)


def test_nobody_can_read_who_was_erased() -> None:
    told = msgspec.json.encode(erasure())
    assert b"ann" not in told
    assert b"e1" not in told.replace(erasure().events[0].encode(), b"")
    assert entity_hash("other salt", "ann") != entity_hash(SALT, "ann")
    assert decode_erasure(told) == erasure()


@pytest.mark.parametrize("value", [None, b"", b"{", b"{}", b"\xff"])
def test_what_is_no_erasure_is_refused(value: bytes | None) -> None:
    with pytest.raises(MillraceError, match="not an erasure"):
        decode_erasure(value)
    with pytest.raises(MillraceError, match="not an erasure"):
        Erasures([erasure(entity="no hex")])


@pytest.mark.parametrize(
    ("topic", "key", "value", "entities"),
    [
        ("features", b"ann", b"{", ["ann"]),
        ("features", None, b'{"entity_id": "a\\"b", ', ['a"b']),
        ("features", b"ann", b'{"entity_id":"bob"}', ["ann", "bob"]),
        ("features", b"\xff", b'{"entity_id": 5}', []),
        ("features", b"x" * 300, b'{"entity_id": "\xff"}', []),
        ("predictions", b"ann", b"", ["ann"]),
        ("labels", b"e1", b'{"entity_id": "ann"}', []),
    ],
)
def test_a_dead_letter_speaks_of_whom_its_record_names(
    topic: str, key: bytes | None, value: bytes, entities: list[str]
) -> None:
    letter = DeadLetter(
        stage="worker",
        reason="malformed",
        detail="",
        source=Source(topic, "uuid", 0, 1),
        sent_at=AT,
        failed_at=AT,
        member="w",
    )
    assert entities_of(letter, key, value, Topics(Settings())) == entities
