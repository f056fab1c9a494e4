"""What became of a dead letter that was replayed: one document, whose id is that of the letter.

Each writer adds a field of its own, so that the fields may come in any order and more than once.
The claim alone is created, never merged: whoever creates it replays the letter, nobody else does.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from elasticsearch import Elasticsearch
from msgspec import Struct, convert

from prediction_log.bulk import update_lines
from prediction_log.indices import IndexNames
from prediction_log.pages import hits

State = Literal["open", "claimed", "replayed", "failed_again", "resolved"]
STATES: tuple[State, ...] = ("open", "claimed", "replayed", "failed_again", "resolved")


class Pointer(Struct, frozen=True):
    """A document: its index and its id."""

    index: str
    id: str


class Claim(Struct, frozen=True):
    """Who replays a letter and since when; to which partition, and where that ended before."""

    at: datetime
    by: str
    topic: str
    partition: int
    end_offset: int


class Acknowledged(Struct, frozen=True):
    """Where the replayed record stands."""

    topic: str
    partition: int
    offset: int


class Refusal(Struct, frozen=True):
    """Why a letter of the indexer still cannot be indexed; it stays open."""

    at: datetime
    detail: str


class Replay(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is known of the replay of one letter.

    Attributes:
        resolved: the prediction (or other document) that the record has become.
        failed_again: the letter that its replay has become.
    """

    claimed: Claim | None = None
    acknowledged: Acknowledged | None = None
    resolved: Pointer | None = None
    failed_again: Pointer | None = None
    refused: Refusal | None = None

    @property
    def state(self) -> State:
        """How far it is; `claimed` alone means that nobody knows whether Kafka has the record."""
        if self.resolved:
            return "resolved"
        if self.failed_again:
            return "failed_again"
        if self.acknowledged:
            return "replayed"
        return "claimed" if self.claimed else "open"


class ReplayDocument(Struct, frozen=True):
    """The document."""

    replay: Replay


def merge_lines(names: IndexNames, letter: str, replay: Replay) -> bytes:
    """Two lines of a bulk body that add what is now known of the replay of a letter."""
    return update_lines(names.replays, letter, ReplayDocument(replay))


def read_replays(client: Elasticsearch, names: IndexNames) -> Mapping[str, Replay]:
    """Letter id -> its replay, of all letters that anything is known of."""
    if not client.indices.exists(index=names.replays):
        return {}
    client.indices.refresh(index=names.replays)
    found = hits(client, names.replays, [], sort=[{"_shard_doc": "asc"}])
    return {hit["_id"]: convert(hit["_source"], ReplayDocument).replay for hit in found}
