"""The document of a dead letter: why a record was set aside, and the record for people to look at.

It is bounded; all of the record stays on the topic of dead letters, at the place in `stored`.
"""

import base64
import codecs
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from contracts.dead_letters import DeadLetter, Reason, Stage, original_headers
from contracts.events import Source
from prediction_log.documents import TIMESTAMP, Identity, ModelName

EXCERPT_BYTES = 32 * 1024
"""How much of a dead letter's original is shown."""
HEADER_BYTES = 16 * 1024
"""How much of its headers, names and values together."""
UNKNOWN = "unknown"


class ShownHeader(Struct, frozen=True, omit_defaults=True):
    """A header of the record, as text, or in base64 where it is none."""

    name: str
    text: str | None = None
    base64: str | None = None


class DeadLetterDetail(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Why a record was set aside, and what is shown of it.

    Attributes:
        size: of the value that is kept on the topic of dead letters, bytes.
        excerpt: the beginning of the value as text, or `excerpt_base64` where it is no UTF-8.
        truncated: the topic of dead letters holds only the beginning, too.
        stored: the place of the letter itself on that topic.
        replay_of: the letter whose replay failed again; `first` is the record's first letter.
    """

    stage: Stage
    reason: Reason
    detail: str
    size: int
    truncated: bool
    producer: str | None = None
    attempts: int | None = None
    first_seen: datetime | None = None
    excerpt: str | None = None
    excerpt_base64: str | None = None
    headers: Sequence[ShownHeader] = ()
    headers_left_out: int = 0
    stored: Source | None = None
    replay_of: str | None = None
    first: str | None = None


class DeadLetterDocument(Struct, frozen=True, kw_only=True, omit_defaults=True, rename=TIMESTAMP):
    """A dead letter; `timestamp` is the send time of the record, `kafka` where it stands, `entity`
    whom it speaks of, if that can be told."""

    timestamp: datetime
    dead_letter: DeadLetterDetail
    failed_at: datetime
    kafka: Source
    worker: Identity
    entity: Sequence[Identity] = ()
    event: Identity | None = None
    model: ModelName | None = None


def from_dead_letter(
    letter: DeadLetter,
    value: bytes,
    headers: Sequence[tuple[str, bytes]] = (),
    stored: Source | None = None,
    entities: Sequence[str] = (),
) -> DeadLetterDocument:
    """Build the document of a dead letter.

    Args:
        value, headers: those of its record on the topic of dead letters.
        stored: where that record stands.
        entities: ids of those it speaks of.
    """
    text = _text(value, EXCERPT_BYTES)
    original = original_headers(headers)
    shown = _shown(original)
    return DeadLetterDocument(
        timestamp=letter.sent_at,
        dead_letter=DeadLetterDetail(
            stage=letter.stage,
            reason=letter.reason,
            detail=letter.detail,
            size=len(value),
            truncated=letter.truncated,
            producer=letter.producer or UNKNOWN,
            attempts=letter.attempts,
            first_seen=letter.first_seen,
            excerpt=text,
            excerpt_base64=None if text is not None else _base64(value[:EXCERPT_BYTES]),
            headers=shown,
            headers_left_out=len(original) - len(shown),
            stored=stored,
            replay_of=letter.replay.letter if letter.replay else None,
            first=letter.replay.first if letter.replay else None,
        ),
        failed_at=letter.failed_at,
        kafka=letter.source,
        worker=Identity(letter.member),
        entity=[Identity(entity) for entity in entities],
        event=None if letter.event_id is None else Identity(letter.event_id),
        model=None if letter.model is None else ModelName(letter.model, letter.version),
    )


def _shown(headers: Sequence[tuple[str, bytes | None]]) -> list[ShownHeader]:
    shown: list[ShownHeader] = []
    room = HEADER_BYTES
    for name, value in headers:
        room -= len(name) + len(value or b"")
        if room < 0:
            break
        text = _text(value or b"", HEADER_BYTES)
        shown.append(ShownHeader(name, text, None if text is not None else _base64(value or b"")))
    return shown


def _text(content: bytes, most: int) -> str | None:
    """The beginning as text, whole characters only; None where it is no UTF-8."""
    try:
        decoder = codecs.getincrementaldecoder("utf-8")()
        return decoder.decode(content[:most], final=len(content) <= most)
    except UnicodeDecodeError:
        return None


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
