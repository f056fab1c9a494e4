"""Erasures: whose data was erased on request, and up to where, told by hashes alone.

A record on the topic `erasures` outlives the data it speaks of, so it holds no id: only salted
sha256 hashes, by which whoever meets an old record again knows that it must not come back. What
was sent before is told from what was sent later by the ends of the topics at that moment, which
no clock can disturb; the time decides only for topics that Kafka did not have then.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from contracts.errors import MillraceError
from contracts.events import Source

_HASH_BYTES = 16
"""Of each sha256; enough that no two ids are ever taken for each other."""


class Erasure(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request, or a part of it. Topic `erasures`, keyed by `entity`.

    Attributes:
        salt: hex, as random as a key; one for an installation.
        entity: hash of the entity id.
        events: hashes of its events, by which its labels are known.
        at: when.
        ends: topic id -> end offset of each partition at that time.
    """

    salt: str
    entity: str
    events: tuple[str, ...] = ()
    at: datetime
    ends: Mapping[str, tuple[int, ...]]


def entity_hash(salt: str, entity_id: str) -> str:
    """What stands for an entity, in hex."""
    return _hash(salt, "entity", entity_id).hex()


def event_hash(salt: str, model: str, event_id: str) -> str:
    """What stands for an event of a model, in hex: event ids are unique within a model."""
    return _hash(salt, "event", model, event_id).hex()


def decode_erasure(value: bytes | None) -> Erasure:
    """Read a record of the topic.

    Raises:
        MillraceError: it is malformed.
    """
    try:
        return msgspec.json.decode(value or b"", type=Erasure)
    except (msgspec.DecodeError, RecursionError) as error:
        raise MillraceError(f"not an erasure: {error}") from error


class Erasures:
    """All erasures known so far; asked for each record that is to be indexed."""

    def __init__(self, erasures: Iterable[Erasure] = ()) -> None:
        self._of: dict[str, dict[bytes, list[Erasure]]] = {}
        self.salt: str | None = None
        for erasure in erasures:
            self.add(erasure)

    def __bool__(self) -> bool:
        return bool(self._of)

    def add(self, erasure: Erasure) -> None:
        """Note one; those known before stay in force.

        Raises:
            MillraceError: a hash in it is none.
        """
        boundary = msgspec.structs.replace(erasure, events=())
        try:
            hashes = [bytes.fromhex(text) for text in (erasure.entity, *erasure.events)]
        except ValueError as error:
            raise MillraceError(f"not an erasure: {error}") from error
        known = self._of.setdefault(erasure.salt, defaultdict(list))
        for known_by in hashes:
            known[known_by].append(boundary)
        self.salt = erasure.salt

    def cover_entity(self, entity_id: str, source: Source, sent_at: datetime) -> bool:
        """Whether what stands at `source` is erased data of this entity."""
        return any(
            is_before(erasure, source, sent_at)
            for salt, known in self._of.items()
            for erasure in known.get(_hash(salt, "entity", entity_id), ())
        )

    def cover_event(self, model: str, event_id: str, source: Source, sent_at: datetime) -> bool:
        """Whether what stands at `source` speaks of an erased event."""
        return any(
            is_before(erasure, source, sent_at)
            for salt, known in self._of.items()
            for erasure in known.get(_hash(salt, "event", model, event_id), ())
        )


def is_before(erasure: Erasure, source: Source, sent_at: datetime) -> bool:
    """Whether a record was there when the erasure was asked for."""
    ends = erasure.ends.get(source.topic_id)
    if ends is None:
        return sent_at < erasure.at
    return source.partition < len(ends) and source.offset < ends[source.partition]


def _hash(salt: str, *parts: str) -> bytes:
    text = "\0".join((salt, *parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_HASH_BYTES]
