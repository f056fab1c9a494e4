"""Why a letter cannot be replayed (pure)."""

from collections.abc import Container
from typing import Literal

from msgspec import Struct

from contracts.events import Source
from elk.dead_letters.letters import Letter
from elk.dead_letters.reindexing import is_hopeless

Why = Literal[
    "replayed_before", "claimed", "truncated", "gone", "unreplayable", "refused", "unacknowledged"
]


class Obstacle(Struct, frozen=True):
    """Why a letter was left as it is, for programs and for people."""

    why: Why
    detail: str


class Destination(Struct, frozen=True):
    """Where letters of the worker go back to."""

    topic: str
    partitions: int


def obstacle(letter: Letter, kept: Container[Source], to: Destination) -> Obstacle | None:
    """What stands against a replay; None if nothing does.

    Args:
        kept: places on the topic of dead letters that Kafka still holds.
    """
    if letter.state == "claimed":
        return claimed_by_another(letter.replay.claimed.by if letter.replay.claimed else "another")
    if letter.state != "open":
        state = letter.state.replace("_", " ")
        return Obstacle("replayed_before", f"it was replayed before and is {state}")
    return _unreadable(letter, kept) or _nowhere_to_go(letter, to)


def claimed_by_another(by: str) -> Obstacle:
    """Somebody replays it now, or died while doing so."""
    return Obstacle(
        "claimed",
        f"{by} replays it, or was cut off while doing so; if nobody does any more, 'millrace "
        "dead-letters recover' looks in Kafka what came of it",
    )


GONE = Obstacle(
    "gone",
    "Kafka no longer has its original (retention, or the topic was re-created); send it anew",
)


def _unreadable(letter: Letter, kept: Container[Source]) -> Obstacle | None:
    found = letter.document.dead_letter
    if found.truncated:
        return Obstacle(
            "truncated", "only the beginning of its original was kept; its producer must send it"
        )
    if found.stored is None:
        return Obstacle("unreplayable", "it was indexed before letters told where they are stored")
    return GONE if found.stored not in kept else None


def _nowhere_to_go(letter: Letter, to: Destination) -> Obstacle | None:
    source, found = letter.document.kafka, letter.document.dead_letter
    if found.stage == "indexer":
        if is_hopeless(found.reason):
            return Obstacle(
                "unreplayable", f"its record is {found.reason} and stays so; it must be sent anew"
            )
        return None
    if source.topic != to.topic:
        return Obstacle("unreplayable", f"workers do not read the topic it is from, {source.topic}")
    if source.partition >= to.partitions:
        return Obstacle(
            "unreplayable", f"{to.topic} has no partition {source.partition} (any more)"
        )
    return None
