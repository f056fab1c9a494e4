"""Compares what producers were promised with what is on the topics and in the indices (pure)."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Place = tuple[int, int]
"""Partition and offset on `features`: what names an event everywhere."""
Delivery = Literal["at_least_once", "exactly_once"]
_SHOWN = 20


class Event(NamedTuple):
    """A record on `features`; `content` is a checksum of its value."""

    event_id: str | None
    key: bytes | None
    content: int


class Answer(NamedTuple):
    """A record on an output topic: where it stands, and the event it answers."""

    partition: int
    offset: int
    source: Place
    key: bytes | None
    content: int


class Document(NamedTuple):
    """A document in an index, and the event it speaks of; `slot` tells shadows from the rest."""

    source: Place
    slot: str
    event_id: str | None
    version: str | None = None


@dataclass
class Evidence:
    """All that can be seen from outside.

    Read in the order of the fields, so that whatever one of them speaks of is in those after it:
    this makes it valid also while everything runs.

    Attributes:
        committed: positions of the consumer groups on `features`, `predictions` and
            `dead_letters`, by partition.
        acknowledged: what the producers were told, event ids by place.
        documents: of serving and shadow predictions.
        letters: documents of dead letters.
        predictions, dead_letters: records that `read_committed` shows, in the order of the log.
        events: every record on `features`.
    """

    committed: dict[str, dict[int, int]] = field(default_factory=dict)
    acknowledged: dict[Place, str] = field(default_factory=dict)
    documents: list[Document] = field(default_factory=list)
    letters: list[Document] = field(default_factory=list)
    predictions: list[Answer] = field(default_factory=list)
    dead_letters: list[Answer] = field(default_factory=list)
    events: dict[Place, Event] = field(default_factory=dict)


@dataclass
class Verdict:
    """Counts, and one line per difference with its coordinates; without any, all is well."""

    counts: dict[str, int]
    differences: list[str]

    def __str__(self) -> str:
        counted = ", ".join(f"{name} {count:,}" for name, count in self.counts.items())
        more = len(self.differences) - _SHOWN
        lines = [counted, *self.differences[:_SHOWN], *([f"and {more:,} more"] if more > 0 else [])]
        return "\n".join(lines)


def judge(evidence: Evidence, delivery: Delivery, finished: bool) -> Verdict:
    """Find every difference between the promises and the evidence.

    Args:
        finished: nothing is under way any more, so what is not there is lost.
    """
    serving = [d for d in evidence.documents if d.slot == "serving"]
    outcomes = Counter(d.source for d in [*serving, *evidence.letters])
    answers = Counter(a.source for a in [*evidence.predictions, *evidence.dead_letters])
    lost = [place for place in evidence.events if finished and place not in outcomes]
    judged_twice = _judged_twice(evidence, serving) if delivery == "at_least_once" else set()
    doubled = [
        *(place for place, count in outcomes.items() if count > 1 and place not in judged_twice),
        *_repeated((d.source, d.slot) for d in evidence.documents if d.slot != "serving"),
    ]
    again = answers.total() - len(answers)
    differences = [
        *_broken_promises(evidence),
        *(f"lost: no document of {place}" for place in sorted(lost)),
        *(f"doubled: more than one document of {place}" for place in doubled),
        *_strays(evidence),
        *_out_of_order(evidence, delivery),
        *_committed_too_far(evidence, set(outcomes), set(answers)),
    ]
    if delivery == "exactly_once":
        differences += [f"answered twice: {p}" for p, count in answers.items() if count > 1]
    counts = {
        "acknowledged": len(evidence.acknowledged),
        "events": len(evidence.events),
        "documents": len(serving),
        "dead letters": len(evidence.letters),
        "redelivered": again,
        "judged twice": len(judged_twice),
        "versions": len({d.version for d in serving}),
        "lost": len(lost),
        "doubled": len(doubled),
        "differences": len(differences),
    }
    return Verdict(counts, differences)


def _judged_twice(evidence: Evidence, serving: Sequence[Document]) -> set[Place]:
    """Events that were redelivered and judged otherwise: one document each of the prediction and
    of the dead letter. At least once allows that, if the clock or the model changed in between."""
    documents = Counter(d.source for d in serving)
    letters = Counter(d.source for d in evidence.letters)
    answered = {a.source for a in evidence.predictions} & {a.source for a in evidence.dead_letters}
    return {place for place in answered if documents[place] == letters[place] == 1}


def _broken_promises(evidence: Evidence) -> Iterator[str]:
    """Kafka said that an event stands at a place: it must."""
    for place, event_id in evidence.acknowledged.items():
        event = evidence.events.get(place)
        if event is None or event.event_id != event_id:
            yield f"acknowledged but not on the topic: event {event_id} at {place}"


def _strays(evidence: Evidence) -> Iterator[str]:
    for document in [*evidence.documents, *evidence.letters]:
        event = evidence.events.get(document.source)
        if event is None:
            yield f"stray: a document of {document.source}, where no event is"
        elif document.event_id not in (None, event.event_id):
            yield f"stray: a document of {document.source} names event {document.event_id}"
    for answer in [*evidence.predictions, *evidence.dead_letters]:
        event = evidence.events.get(answer.source)
        if event is None or (event.key, answer.source[0]) != (answer.key, answer.partition):
            yield f"stray: the answer at {answer[:2]} does not fit an event at {answer.source}"
    for letter in evidence.dead_letters:
        event = evidence.events.get(letter.source)
        if event is not None and event.content != letter.content:
            yield f"the dead letter at {letter[:2]} does not hold the bytes of {letter.source}"


def _out_of_order(evidence: Evidence, delivery: Delivery) -> Iterator[str]:
    """Per key, answers first appear in the order of their events; exactly once, always."""
    newest: dict[tuple[int, bytes | None], int] = {}
    seen: set[Place] = set()
    for answer in evidence.predictions:
        if delivery == "at_least_once" and answer.source in seen:
            continue  # a re-delivery
        seen.add(answer.source)
        key = (answer.partition, answer.key)
        if answer.source[1] <= newest.get(key, -1):
            yield f"out of order: {answer.source} at {answer[:2]}, after offset {newest[key]}"
        newest[key] = max(newest.get(key, -1), answer.source[1])


def _committed_too_far(
    evidence: Evidence, outcomes: set[Place], answers: set[Place]
) -> Iterator[str]:
    """What a group has committed, it will never look at again: it must be finished."""
    workers = evidence.committed.get("features", {})
    for place in evidence.events:
        if place[1] < workers.get(place[0], 0) and place not in answers:
            yield f"committed by the workers, but not answered: {place}"
    read: Sequence[tuple[str, list[Answer]]] = (
        ("predictions", evidence.predictions),
        ("dead_letters", evidence.dead_letters),
    )
    for topic, records in read:
        indexers = evidence.committed.get(topic, {})
        for answer in records:
            if answer.offset < indexers.get(answer.partition, 0) and answer.source not in outcomes:
                yield f"committed by the indexers, but not a document: {topic} {answer[:2]}"


def _repeated(items: Iterable[tuple[Place, str]]) -> list[tuple[Place, str]]:
    return [item for item, count in Counter(items).items() if count > 1]
