"""How dead letters are shown to people."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from cli.output import print_lines, print_table, stdout
from contracts.events import Source
from prediction_log.dead_letter_documents import DeadLetterDocument
from prediction_log.replays import Acknowledged, Pointer, Replay, State

if TYPE_CHECKING:
    from elk.dead_letters.groups import Group
    from elk.dead_letters.letters import Letter
    from elk.dead_letters.originals import Original
    from elk.dead_letters.replaying import Report

_ALWAYS: tuple[State, ...] = ("open", "replayed", "resolved")
_SELDOM: tuple[State, ...] = ("claimed", "failed_again")
_MOST_DETAIL = 120


class Bytes(Struct, frozen=True, omit_defaults=True):
    """Bytes in `show --json`: as text where they are UTF-8, else in base64."""

    text: str | None = None
    base64: str | None = None


class OriginalShown(Struct, frozen=True):
    """The record as it stands in Kafka, whole."""

    key: Bytes | None
    value: Bytes | None
    headers: list[tuple[str, Bytes | None]]


class ListedLetter(Struct, frozen=True):
    """A letter in `list --letters --json`."""

    id: str
    index: str
    state: State
    document: DeadLetterDocument
    replay: Replay


class ShownLetter(ListedLetter, frozen=True):
    """What `show --json` prints; `original` is None if Kafka no longer has it."""

    original: OriginalShown | None


def print_groups(groups: Sequence["Group"], fields: Sequence[str]) -> None:
    """One row per group; states that no letter is in are left out."""
    if not groups:
        stdout.print("no dead letters")
        return
    seldom = [state for state in _SELDOM if any(group.states[state] for group in groups)]
    states = (*_ALWAYS, *seldom)
    print_table(
        f"{sum(group.letters for group in groups):,} dead letters",
        (*fields, "letters", *(s.replace("_", " ") for s in states), "first", "last", "example"),
        (
            (
                *(group.by[name] or "-" for name in fields),
                f"{group.letters:,}",
                *(f"{group.states[state]:,}" for state in states),
                _minute(group.first_seen),
                _minute(group.last_seen),
                _short(group.detail),
            )
            for group in groups
        ),
    )
    if "claimed" in seldom:
        stdout.print(
            "claimed: a replay was begun and is under way or was cut off; "
            "'millrace dead-letters recover' finds out which are in Kafka",
            soft_wrap=True,
        )


def print_letters(letters: Sequence["Letter"]) -> None:
    """Three lines per letter: ids are long, and are there to be copied."""
    for letter in letters:
        document, found = letter.document, letter.document.dead_letter
        model = document.model.name if document.model else "-"
        event = document.event.id if document.event else "-"
        state = letter.state.replace("_", " ")
        for line in (
            letter.id,
            f"    {_minute(document.failed_at)}  {found.stage}: {found.reason}  model {model}  "
            f"event {event}  from {found.producer or 'unknown'}  {state}",
            f"    {_short(found.detail)}",
        ):
            stdout.print(line, markup=False, soft_wrap=True)
    if not letters:
        stdout.print("no dead letters")


def as_listed(letter: "Letter") -> ListedLetter:
    """A letter as `list` prints it."""
    return ListedLetter(letter.id, letter.index, letter.state, letter.document, letter.replay)


def as_shown(letter: "Letter", original: "Original | None") -> ShownLetter:
    """A letter with its original as `show` prints it."""
    whole = None
    if original is not None:
        headers = [(name, _bytes(value)) for name, value in original.headers]
        whole = OriginalShown(_bytes(original.key), _bytes(original.value), headers)
    return ShownLetter(letter.id, letter.index, letter.state, letter.document, letter.replay, whole)


def print_letter(letter: ShownLetter) -> None:
    """Everything about one letter."""
    document, found, replay = letter.document, letter.document.dead_letter, letter.replay
    claim = replay.claimed
    print_lines(
        {
            "letter": letter.id,
            "state": letter.state.replace("_", " "),
            "stage": found.stage,
            "reason": found.reason,
            "detail": found.detail,
            "model": document.model.name if document.model else "-",
            "event": document.event.id if document.event else "-",
            "producer": found.producer,
            "record": _place(document.kafka),
            "topic id": document.kafka.topic_id,
            "letter at": _place(found.stored) if found.stored else "",
            "sent": _minute(document.timestamp),
            "failed": f"{_minute(document.failed_at)} on {document.worker.id}",
            "first seen": _minute(found.first_seen) if found.first_seen else "",
            "attempts": found.attempts,
            "replay of": found.replay_of,
            "first was": found.first,
            "claimed": f"{_minute(claim.at)} by {claim.by}" if claim else "",
            "replayed as": _place(replay.acknowledged) if replay.acknowledged else "",
            "resolved by": _pointer(replay.resolved),
            "failed as": _pointer(replay.failed_again),
            "refused": replay.refused.detail if replay.refused else "",
            "index": letter.index,
        }
    )
    original = letter.original
    if original is None:
        stdout.print("\nKafka no longer has the original; what Elasticsearch keeps of it:")
        stdout.print(found.excerpt or found.excerpt_base64 or "", markup=False, soft_wrap=True)
        return
    stdout.print("\nheaders, ours included")
    for name, value in original.headers:
        stdout.print(f"    {name}: {_said(value)}", markup=False, soft_wrap=True)
    stdout.print(f"\nkey: {_said(original.key)}", markup=False, soft_wrap=True)
    cut = ", only the beginning was kept" if found.truncated else ""
    stdout.print(f"\nvalue ({found.size:,} bytes{cut})", markup=False)
    stdout.print(_said(original.value), markup=False, soft_wrap=True)


def print_report(report: "Report") -> None:
    """What a replay did, and why it left what it left."""
    would = "would be " if report.dry_run else ""
    stdout.print(
        f"{report.selected:,} letters selected: {report.sent:,} {would}sent again, "
        f"{report.indexed:,} {would}indexed again, {sum(report.left.values()):,} left",
        soft_wrap=True,
    )
    if report.left:
        rows = [(why, count, report.examples[why]) for why, count in report.left.most_common()]
        print_table(
            "left",
            ("why", "letters", "first of them", "what it means"),
            [(why.replace("_", " "), f"{n:,}", first.id, first.detail) for why, n, first in rows],
        )


def _bytes(content: bytes | None) -> Bytes | None:
    if content is None:
        return None
    try:
        return Bytes(text=content.decode())
    except UnicodeDecodeError:
        return Bytes(base64=base64.b64encode(content).decode())


def _said(content: Bytes | None) -> str:
    if content is None:
        return "(none)"
    return content.text if content.text is not None else f"base64 {content.base64}"


def _short(text: str) -> str:
    return text if len(text) <= _MOST_DETAIL else f"{text[:_MOST_DETAIL]} …"


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"


def _place(place: Source | Acknowledged) -> str:
    return f"{place.topic}[{place.partition}]@{place.offset}"


def _pointer(pointer: Pointer | None) -> str:
    return f"{pointer.index}/{pointer.id}" if pointer else ""
