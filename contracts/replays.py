"""The mark of a replay: headers that name the dead letter whose record is sent once more.

The worker passes them on to what the record becomes, so that its prediction or its next dead letter
can be put down to the letter. They are bookkeeping: whatever they say, the event is scored alike.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

_OF = "millrace-replay-of"
_FIRST = "millrace-replay-first"
_ATTEMPT = "millrace-replay-attempt"
_FIRST_SEEN = "millrace-replay-first-seen"
REPLAY_HEADERS = frozenset({_OF, _FIRST, _ATTEMPT, _FIRST_SEEN})

_LETTER_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}-[0-9]{1,10}-[0-9]{1,19}")
_MOST_BYTES = 128
_MOST_ATTEMPTS = 1_000_000


class ReplayMark(Struct, frozen=True, kw_only=True):
    """Which letter is replayed.

    Attributes:
        letter: its id, `<topic id>-<partition>-<offset>`.
        first: the id of the first letter, where this is not the first replay of the record.
        attempt: 2 for the first replay.
        first_seen: when the first letter was made.
    """

    letter: str
    first: str
    attempt: int
    first_seen: datetime


def mark_headers(mark: ReplayMark) -> list[tuple[str, bytes]]:
    """Write a mark as headers."""
    return [
        (_OF, mark.letter.encode()),
        (_FIRST, mark.first.encode()),
        (_ATTEMPT, str(mark.attempt).encode()),
        (_FIRST_SEEN, mark.first_seen.isoformat().encode()),
    ]


def replay_mark(headers: Iterable[tuple[str, bytes | None]] | None) -> ReplayMark | None:
    """Find the mark among the headers of a record; None if there is none, or only nonsense.

    Any client may write such headers, so nothing in them is believed that is not well formed.
    """
    found = {
        name: value
        for name, value in headers or ()
        if name in REPLAY_HEADERS and value is not None and len(value) <= _MOST_BYTES
    }
    if len(found) < len(REPLAY_HEADERS):
        return None
    try:
        mark = ReplayMark(
            letter=found[_OF].decode("ascii"),
            first=found[_FIRST].decode("ascii"),
            attempt=int(found[_ATTEMPT]),
            first_seen=datetime.fromisoformat(found[_FIRST_SEEN].decode("ascii")),
        )
    except ValueError:
        return None
    ids_are_ids = _LETTER_ID.fullmatch(mark.letter) and _LETTER_ID.fullmatch(mark.first)
    believable = 1 < mark.attempt <= _MOST_ATTEMPTS and mark.first_seen.tzinfo is not None
    return mark if ids_are_ids and believable else None
