"""Erasing an entity from documents and labels for good, so that no record brings it back.

The order makes it safe. What was sent until now is let through to the documents first, so that all
its events are known. Then the erasure is told on its topic: from there on no indexer makes a batch
without knowing it. What they had under way before is waited for, and only then is deleted.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.errors import MillraceError, UnreachableError, UsageError
from contracts.kafka_reading import Partition
from contracts.settings import Settings
from contracts.topics import Topics
from elk.documents.catching_up import wait_until_finished
from elk.documents.kafka_log import KafkaLog, Stretch
from elk.documents.our_indices import refresh
from elk.documents.traces import Trace, Traces
from elk.documents.unscored import unscored_events
from elk.documents.writing_erasures import write_erasure
from elk.erasure_log import known_erasures
from elk.records import Transcriber
from prediction_log.client import connect, translated

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and of how much (0: not known)."""

MOST_ENTITY_BYTES = 256
_DELETED_AT_ONCE = 1000


class Erased(Struct, kw_only=True):
    """What was erased, or would be.

    Attributes:
        documents: kind -> how many were deleted, or found in a dry run.
        events: how many events of the entity were found.
        unscored: how many events, of whomever, no worker has scored yet. What becomes of those of
            the entity is dropped by the indexers.
    """

    dry_run: bool
    at: datetime
    documents: dict[str, int]
    events: int
    unscored: int = 0


class Eraser:
    """Erases one entity.

    Raises:
        UsageError: that cannot be an entity id.
    """

    def __init__(self, settings: Settings, entity: str, progress: Progress, seconds: float) -> None:
        if not 1 <= len(entity.encode()) <= MOST_ENTITY_BYTES:
            raise UsageError("an entity id has 1 to 256 bytes: give it as the events do")
        self._settings, self._entity = settings, entity
        self._progress, self._seconds = progress, seconds
        self._inputs = Topics(settings).workers
        self._indexed = Transcriber(settings, Topics(settings), {}).topics

    def run(self, *, dry_run: bool = False) -> Erased:
        """Erase what was sent about the entity until now; what is sent later is new data.

        May be repeated, also after it failed half way.

        Raises:
            UnreachableError: Kafka or Elasticsearch does not answer, or the indexers are not done
                in time.
            MillraceError: something is left all the same.
        """
        client = connect(self._settings, connections=1)
        try:
            with (
                KafkaLog(self._settings, (*self._inputs, *self._indexed)) as log,
                translated(self._settings),
            ):
                return self._run(client, log, dry_run)
        finally:
            client.close()

    def _run(self, client: Elasticsearch, log: KafkaLog, dry_run: bool) -> Erased:
        at, ends = datetime.now(UTC), _ends(log)
        traces = Traces(self._settings, client, self._entity, ends)
        if dry_run:
            events = traces.events()
            return Erased(dry_run=True, at=at, documents=traces.count(events), events=len(events))
        unscored = self._wait_for_workers(log)
        self._wait_for_indexers(log)
        refresh(self._settings, client)
        events = traces.events() | unscored_events(self._settings, log, unscored, self._entity)
        self._progress("telling the indexers", 0, 0)
        salt = known_erasures(self._settings).salt
        write_erasure(self._settings, salt, self._entity, events, at, ends)
        self._wait_for_indexers(log)
        refresh(self._settings, client)
        self._progress("deleting", 0, 0)
        deleted = delete_documents(client, traces.documents(events))
        if left := {kind: count for kind, count in traces.count(events).items() if count}:
            raise MillraceError(f"documents of the entity are still there ({left}): run this again")
        return Erased(
            dry_run=False,
            at=at,
            documents=dict(deleted),
            events=len(events),
            unscored=sum(stretch.end - stretch.first for stretch in unscored.values()),
        )

    def _wait_for_workers(self, log: KafkaLog) -> Mapping[Partition, Stretch]:
        """What they have not scored in time: not needed, their answers are dropped later."""
        left: dict[Partition, Stretch] = {}
        for topic, group in self._inputs.items():
            stretches = {p: s for p, s in log.stretches().items() if p[0] == topic}
            left |= self._wait(log, group, stretches, "waiting for the workers to score events")
        return left

    def _wait_for_indexers(self, log: KafkaLog) -> None:
        stretches = {p: s for p, s in log.stretches().items() if p[0] not in self._inputs}
        say = "waiting for the indexers to finish records"
        if left := self._wait(log, "indexer", stretches, say):
            to_go = sum(stretch.end - stretch.first for stretch in left.values())
            raise UnreachableError(
                f"the indexers have {to_go:,} records to go, so nothing is deleted yet: let "
                "'millrace indexer' catch up (see 'millrace status'), then run this again"
            )

    def _wait(
        self, log: KafkaLog, service: str, stretches: Mapping[Partition, Stretch], say: str
    ) -> Mapping[Partition, Stretch]:
        return wait_until_finished(
            self._settings,
            log,
            service,
            stretches,
            self._seconds,
            lambda to_go: self._progress(say, 0, to_go),
        )


def _ends(log: KafkaLog) -> dict[str, tuple[int, ...]]:
    """Topic id -> end of each partition."""
    ends: dict[str, dict[int, int]] = {}
    for (topic, partition), stretch in log.stretches().items():
        ends.setdefault(log.topic_ids[topic], {})[partition] = stretch.end
    return {id_: tuple(found[n] for n in sorted(found)) for id_, found in ends.items()}


def delete_documents(client: Elasticsearch, traces: Iterator[Trace]) -> Counter[str]:
    """Delete documents; gives kind -> how many were there."""
    deleted: Counter[str] = Counter()
    while some := list(islice(traces, _DELETED_AT_ONCE)):
        answer = client.bulk(
            operations=[{"delete": {"_index": one.index_name, "_id": one.id}} for one in some],
            filter_path="items.*.result",
        )
        for one, item in zip(some, answer["items"], strict=True):
            deleted[one.kind] += item["delete"].get("result") == "deleted"
    return deleted
