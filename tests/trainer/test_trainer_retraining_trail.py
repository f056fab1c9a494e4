"""What a retraining has come to follows from model events, whoever reads them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from contracts.model_events import ModelEvent, ModelEventKind
from contracts.windows import Window
from trainer.retraining.trail import Candidate, Trail

NOW = datetime(2024, 5, 1, tzinfo=UTC)
WINDOW = Window(NOW - timedelta(days=60), NOW)


def event(kind: ModelEventKind, retraining: str | None, **facts: Any) -> bytes:
    given = {"model": "m", "at": NOW, "member": "t", "retraining": retraining} | facts
    return msgspec.json.encode(ModelEvent(event=kind, **given))


def began(retraining: str, **facts: Any) -> bytes:
    known = {"previous_version": "1", "alert": "a", "window": WINDOW, "reason": "drift"} | facts
    return event("retraining_began", retraining, **known)


def read(*values: bytes) -> Trail:
    trail = Trail()
    trail.take(values)
    return trail


def test_a_retraining_is_open_from_its_beginning_to_its_end() -> None:
    trail = read(began("r"))
    known = trail.open("m")
    assert known is not None
    assert (known.id, known.alert, known.champion, known.window) == ("r", "a", "1", WINDOW)
    trail.take([event("retrained", "r", version="2", digest="d")])
    assert trail.open("m").candidate == Candidate("2", "d")  # type: ignore[union-attr]
    trail.take([event("retraining_ended", "r", reason="published", sequence=4)])
    assert trail.open("m") is None
    [past] = trail.of("m")
    assert (past.ended, past.sequence) == ("published", 4)


def test_the_first_word_counts() -> None:
    trail = read(
        began("r"),
        began("r", previous_version="7"),
        event("retrained", "r", version="2", digest="d"),
        event("retrained", "r", version="3", digest="e"),
        event("retraining_ended", "r", reason="refused"),
        event("retraining_ended", "r", reason="published", sequence=9),
        began("r"),
    )
    assert trail.open("m") is None
    [known] = trail.of("m")
    assert (known.champion, known.candidate, known.ended) == ("1", Candidate("2", "d"), "refused")


def test_a_model_has_one_retraining_at_a_time() -> None:
    trail = read(began("r"), began("s"), began("other", model="n"))
    assert [one.id for one in trail.all_open] == ["r", "other"]
    assert trail.get("s") is None
    trail.take([event("retraining_ended", "r", reason="x"), began("s")])
    assert trail.open("m") is not None
    assert trail.open("m").id == "s"  # type: ignore[union-attr]


def test_what_others_say_is_passed_over() -> None:
    naive = Window(NOW.replace(tzinfo=None), NOW)
    trail = read(
        b"{",
        b"[" * 10_000,
        event("swapped", None, version="1"),
        began("x", window=None),
        began("y", window=naive),
        began("z", previous_version=None),
        event("retrained", "nobody", version="2", digest="d"),
        began("r"),
        event("retraining_ended", "r", model="another", reason="x"),
    )
    assert [one.id for one in trail.all_open] == ["r"]


def test_deployments_that_were_told_of_are_known() -> None:
    trail = read(event("published", None, sequence=3))
    assert trail.was_told("m", 3)
    assert not trail.was_told("m", 4)
    assert not trail.was_told("n", 3)
