"""Which letters cannot be replayed, and what is said of them."""

from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.dead_letters import DeadLetter
from contracts.events import Source
from elk.dead_letters.letters import Letter
from elk.dead_letters.obstacles import Destination, obstacle
from prediction_log.dead_letter_documents import from_dead_letter
from prediction_log.replays import Acknowledged, Claim, Pointer, Replay

AT = datetime(2026, 3, 1, tzinfo=UTC)
STORED = Source("dead-letters", "letters", 0, 3)
TO = Destination("features", 4)
CLAIM = Claim(AT, "ann@ops", "features", 0, 9)
SENT = Acknowledged("features", 0, 9)


def letter(replay: Replay | None = None, stored: Source | None = STORED, **changes: Any) -> Letter:
    fields: dict[str, Any] = {
        "stage": "worker",
        "reason": "unknown_model",
        "detail": "no such model",
        "source": Source("features", "uuid", 0, 7),
        "sent_at": AT,
        "failed_at": AT,
        "member": "w1",
    }
    document = from_dead_letter(DeadLetter(**(fields | changes)), b"{}", (), stored)
    return Letter("uuid-0-7", "letters", document, replay or Replay())


def test_nothing_stands_against_an_open_letter_whose_original_is_kept() -> None:
    assert obstacle(letter(), {STORED}, TO) is None
    assert obstacle(letter(stage="indexer", reason="document_rejected"), {STORED}, TO) is None


@pytest.mark.parametrize(
    ("found", "why", "sentence"),
    [
        (letter(Replay(claimed=CLAIM)), "claimed", "ann@ops replays it, or was cut off"),
        (letter(Replay(claimed=CLAIM, acknowledged=SENT)), "replayed_before", "is replayed"),
        (letter(Replay(failed_again=Pointer("i", "x"))), "replayed_before", "is failed again"),
        (letter(Replay(resolved=Pointer("i", "x"))), "replayed_before", "is resolved"),
        (letter(truncated=True), "truncated", "only the beginning"),
        (letter(stored=Source("dead-letters", "letters", 0, 2)), "gone", "no longer has"),
        (letter(stored=None), "unreplayable", "before letters told where"),
        (letter(stage="indexer", reason="malformed"), "unreplayable", "must be sent anew"),
        (letter(source=Source("other", "uuid", 0, 7)), "unreplayable", "do not read the topic"),
        (letter(source=Source("features", "uuid", 4, 7)), "unreplayable", "no partition 4"),
    ],
)
def test_what_stands_against_a_replay_is_said(found: Letter, why: str, sentence: str) -> None:
    standing = obstacle(found, {STORED}, TO)

    assert standing is not None
    assert standing.why == why
    assert sentence in standing.detail
