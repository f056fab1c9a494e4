"""Replaying letters: each at most once, whoever else replays and whatever is killed meanwhile.

A letter of the worker is claimed, sent, and its acknowledgement noted, in this order. What dies in
between leaves a claim without an acknowledgement; `recovery` looks in Kafka what came of it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from uuid import uuid4

from elasticsearch import Elasticsearch
from msgspec import Struct, field

from contracts.dead_letters import PREFIX
from contracts.errors import ConfigurationError, MillraceError
from contracts.events import Source
from contracts.kafka import describe_topics
from contracts.replays import ReplayMark, mark_headers
from contracts.settings import Settings
from contracts.topics import Topics
from elk.dead_letters.claims import Claims, operator
from elk.dead_letters.letters import Letter
from elk.dead_letters.obstacles import (
    GONE,
    Destination,
    Obstacle,
    claimed_by_another,
    obstacle,
)
from elk.dead_letters.originals import Original, Originals
from elk.dead_letters.reindexing import Reindexer
from elk.dead_letters.sending import NotSent, Outgoing, Sender
from prediction_log.indices import IndexNames
from prediction_log.replays import Acknowledged, Claim, Pointer, Refusal, Replay

CHUNK = 200
"""Letters claimed at once, and so the most that a crash leaves in doubt."""
LETTERS_AT_ONCE = 5 * CHUNK
"""Letters asked of Elasticsearch at once; it keeps its place for some minutes only."""
CLAIM_LIFE = timedelta(seconds=60)
"""After this long a claim is not acted upon: the process was suspended, and `recovery` may have
given the letter back."""

Found = tuple[Letter, Original]
Progress = Callable[[int], None]


class Left(Struct, frozen=True):
    """A letter that was not replayed."""

    id: str
    detail: str


class Report(Struct, kw_only=True):
    """What a replay did, or would do.

    Attributes:
        sent: letters of the worker, back on their topic.
        indexed: letters of the indexer whose documents are there now.
        left: how many were left as they were, by the reason; `examples` the first of each.
    """

    dry_run: bool = False
    selected: int = 0
    sent: int = 0
    indexed: int = 0
    left: Counter[str] = field(default_factory=Counter)
    examples: dict[str, Left] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether something that was open could not be replayed."""
        return any(count for why, count in self.left.items() if why != "replayed_before")

    def leave(self, letter: Letter, why: Obstacle) -> None:
        """Note that a letter was left."""
        self.left[why.why] += 1
        self.examples.setdefault(why.why, Left(letter.id, why.detail))


class Replayer:
    """Replays letters in chunks.

    Raises:
        UnreachableError: Kafka does not answer.
        ConfigurationError: Kafka has no topic of events.
    """

    def __init__(self, settings: Settings, client: Elasticsearch) -> None:
        features = Topics(settings).features.name
        facts = describe_topics(settings, [features]).get(features)
        if facts is None:
            raise ConfigurationError(f"Kafka has no topic {features}: run 'millrace setup'")
        self._to = Destination(features, facts.partitions)
        self._claims = Claims(client, IndexNames(settings))
        self._originals = Originals(settings)
        self._sender = Sender(settings)
        self._reindexer = Reindexer(settings)
        self._operator = f"{operator()}, run {uuid4().hex[:8]}"

    def run(self, letters: Iterable[Letter], report: Report, progress: Progress) -> None:
        """Replay letters, or in a dry run only say what would be done.

        Raises:
            MillraceError: Kafka or Elasticsearch failed; the report holds what was done before.
        """
        remaining = iter(letters)
        while chunk := list(islice(remaining, CHUNK)):
            report.selected += len(chunk)
            replayable = self._replayable(chunk, report)
            indexer = [x for x in replayable if x.document.dead_letter.stage == "indexer"]
            worker = [x for x in replayable if x.document.dead_letter.stage != "indexer"]
            if report.dry_run:
                report.sent += len(worker)
                report.indexed += len(indexer)
            else:
                self._send(self._read(worker, report), report)
                self._index(self._read(indexer, report), report)
            progress(report.selected)

    def close(self) -> None:
        """Disconnect from Kafka."""
        self._originals.close()

    def _replayable(self, letters: Sequence[Letter], report: Report) -> list[Letter]:
        kept = self._originals.kept(_places(letters))
        replayable = []
        for letter in letters:
            if why := obstacle(letter, kept, self._to):
                report.leave(letter, why)
            else:
                replayable.append(letter)
        return replayable

    def _read(self, letters: Sequence[Letter], report: Report) -> list[Found]:
        originals = self._originals.read(_places(letters))
        found = []
        for letter in letters:
            stored = letter.document.dead_letter.stored
            original = originals.get(stored) if stored else None
            if original is None or original.letter.source != letter.document.kafka:
                report.leave(letter, GONE)
            else:
                found.append((letter, original))
        return found

    def _send(self, found: Sequence[Found], report: Report) -> None:
        if not found:
            return
        ends = self._originals.ends(self._to.topic, self._to.partitions)
        now = datetime.now(UTC)
        claims = {letter.id: self._claim(letter, now, ends) for letter, _ in found}
        won = self._claims.claim(claims)
        for letter, _ in found:
            if letter.id not in won:
                report.leave(letter, claimed_by_another("another operator"))
        ours = [(letter, original) for letter, original in found if letter.id in won]
        if datetime.now(UTC) - now > CLAIM_LIFE:
            self._claims.release({letter: claims[letter] for letter in won})
            raise MillraceError("this process was suspended; run it again to replay what is left")
        results = self._sender.send([_outgoing(x, original) for x, original in ours])
        acknowledged: dict[str, Replay] = {}
        for (letter, _), result in zip(ours, results, strict=True):
            if isinstance(result, Acknowledged):
                acknowledged[letter.id] = Replay(acknowledged=result)
            else:
                self._not_sent(letter, claims[letter.id], result, report)
        self._claims.note(acknowledged)
        report.sent += len(acknowledged)

    def _claim(self, letter: Letter, at: datetime, ends: Sequence[int]) -> Claim:
        partition = letter.document.kafka.partition
        return Claim(at, self._operator, self._to.topic, partition, ends[partition])

    def _not_sent(self, letter: Letter, claim: Claim, why: NotSent, report: Report) -> None:
        if why.certain:
            self._claims.release({letter.id: claim})
            report.leave(letter, Obstacle("refused", f"Kafka refused it: {why.reason}"))
            return
        detail = f"Kafka did not acknowledge it ({why.reason}); it may be there all the same: run "
        report.leave(
            letter, Obstacle("unacknowledged", f"{detail}'millrace dead-letters recover' later")
        )

    def _index(self, found: Sequence[Found], report: Report) -> None:
        now = datetime.now(UTC)
        notes: dict[str, Replay] = {}
        results = self._reindexer.index([original for _, original in found])
        for (letter, _), result in zip(found, results, strict=True):
            if isinstance(result, Pointer):
                notes[letter.id] = Replay(resolved=result)
                report.indexed += 1
            else:
                notes[letter.id] = Replay(refused=Refusal(now, result))
                report.leave(letter, Obstacle("refused", f"it was refused again: {result}"))
        self._claims.note(notes)


def _places(letters: Iterable[Letter]) -> list[Source]:
    places = (letter.document.dead_letter.stored for letter in letters)
    return [place for place in places if place is not None]


def _outgoing(letter: Letter, original: Original) -> Outgoing:
    told = original.letter
    mark = ReplayMark(
        letter=letter.id,
        first=told.replay.first if told.replay else letter.id,
        attempt=told.attempts + 1,
        first_seen=told.first_seen,
    )
    kept = [(name, value) for name, value in original.headers if not name.startswith(PREFIX)]
    # Values may be absent, which is why these are not `original_headers`.
    headers: list[tuple[str, bytes | None]] = [*kept, *mark_headers(mark)]
    source = told.source
    return Outgoing(source.topic, source.partition, original.key, original.value, headers)
