"""Dead letters: records nobody could use, with the reason, ready to be replayed.

The value and the headers of the source record are kept as they were; what we add stands in
headers of our own, so that nothing inflates.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct

from contracts.errors import MillraceError
from contracts.events import Source
from contracts.replays import ReplayMark, mark_headers, replay_mark

Reason = Literal[
    "empty",
    "too_large",
    "malformed",
    "invalid",
    "time_out_of_range",
    "unknown_model",
    "model_unavailable",
    "invalid_features",
    "prediction_failed",
    "document_rejected",
]
Stage = Literal["worker", "indexer"]
Headers = list[tuple[str, bytes]]

PREFIX = "millrace-"
PRODUCER_HEADER = "producer"
"""Header in which a producer may say who it is; Kafka itself does not keep that."""
_MOST_PRODUCER_BYTES = 256


class DeadLetter(Struct, frozen=True, kw_only=True):
    """Why a record was set aside. `detail` is one sentence its producer can act on.

    `truncated` tells that the record was larger than the dead-letter topic takes and only its
    beginning was kept. `version` is that of the model that could not score it. `producer` is who
    sent it, by its own word, None if it did not say. `replay` is the mark of a record that had been
    set aside before.
    """

    stage: Stage
    reason: Reason
    detail: str
    source: Source
    sent_at: datetime
    failed_at: datetime
    member: str
    model: str | None = None
    version: str | None = None
    event_id: str | None = None
    producer: str | None = None
    truncated: bool = False
    replay: ReplayMark | None = None

    @property
    def first_seen(self) -> datetime:
        """When the record was set aside for the first time, replays included."""
        return self.replay.first_seen if self.replay else self.failed_at

    @property
    def attempts(self) -> int:
        """How often the record has failed by now."""
        return self.replay.attempt if self.replay else 1


def producer_of(headers: Iterable[tuple[str, bytes | None]] | None) -> str | None:
    """Who sent a record, if it says so in a header `producer`."""
    for name, value in headers or ():
        if name == PRODUCER_HEADER and value:
            return value[:_MOST_PRODUCER_BYTES].decode("utf-8", "replace")
    return None


def original_headers(headers: Sequence[tuple[str, bytes]] | None) -> Headers:
    """The headers of a record without those that we added."""
    return [(name, value) for name, value in headers or () if not name.startswith(PREFIX)]


def to_headers(letter: DeadLetter, original: Sequence[tuple[str, bytes]] | None) -> Headers:
    """Build the headers of a dead-letter record; the source's own come first, unchanged."""
    fields = {
        "stage": letter.stage,
        "reason": letter.reason,
        "detail": letter.detail,
        "source-topic": letter.source.topic,
        "source-topic-id": letter.source.topic_id,
        "source-partition": str(letter.source.partition),
        "source-offset": str(letter.source.offset),
        "sent-at": letter.sent_at.isoformat(),
        "failed-at": letter.failed_at.isoformat(),
        "member": letter.member,
        "model": letter.model or "",
        "model-version": letter.version or "",
        "event-id": letter.event_id or "",
        "producer": letter.producer or "",
        "truncated": "true" if letter.truncated else "",
    }
    return [
        *original_headers(original),
        *((PREFIX + k, v.encode("utf-8", "replace")) for k, v in fields.items() if v),
        *(mark_headers(letter.replay) if letter.replay else ()),
    ]


def from_headers(headers: Sequence[tuple[str, bytes]]) -> DeadLetter:
    """Read a dead letter back from its record's headers.

    Raises:
        MillraceError: a header is absent or malformed.
    """
    fields = {
        k.removeprefix(PREFIX): v.decode("utf-8", "replace")
        for k, v in headers
        if k.startswith(PREFIX)
    }
    try:
        return DeadLetter(
            stage=fields["stage"],  # type: ignore[arg-type]
            reason=fields["reason"],  # type: ignore[arg-type]
            detail=fields["detail"],
            source=Source(
                fields["source-topic"],
                fields["source-topic-id"],
                int(fields["source-partition"]),
                int(fields["source-offset"]),
            ),
            sent_at=datetime.fromisoformat(fields["sent-at"]).astimezone(UTC),
            failed_at=datetime.fromisoformat(fields["failed-at"]).astimezone(UTC),
            member=fields["member"],
            model=fields.get("model"),
            version=fields.get("model-version"),
            event_id=fields.get("event-id"),
            producer=fields.get("producer"),
            truncated=fields.get("truncated") == "true",
            replay=replay_mark(headers),
        )
    except (KeyError, ValueError) as error:
        raise MillraceError(f"not a dead letter: header {error} is absent or malformed") from error
