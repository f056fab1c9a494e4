"""Joining the events that some records speak of.

Whatever is known of an event by then is looked up anew, compared with its outcomes, and only what
differs is written. So records may come again, in any order and to several monitors at once, and a
monitor may be killed anywhere: whoever comes next finds what is left to do.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from elasticsearch import Elasticsearch

from contracts.errors import UnreachableError
from contracts.settings import Settings
from contracts.topics import Topics
from elk.erasure_log import ErasureLog
from elk.outcomes.changes import Change, changes, is_erased
from elk.outcomes.lookups import Lookups
from elk.outcomes.mentioned import mentioned_events, portions
from elk.outcomes.writing import write
from prediction_log.indices import IndexNames

MOST_EVENTS = 1000
"""Looked up at once, since the features of each may have 1 MiB."""
_MOST_KNOWN = 500_000
"""Event ids that are remembered as joined, of some 100 bytes each."""
_ATTEMPTS = 10


class Joiner:
    """Makes and mends outcomes of what can be searched when it is made; each event once, whatever
    number of records speaks of it.

    Args:
        labels_topic_id: UUID of the topic `labels`.
        erasures: read to its end after every write, so that what was erased meanwhile goes.

    Attributes:
        written: outcomes that were written or deleted.
    """

    def __init__(
        self,
        settings: Settings,
        client: Elasticsearch,
        labels_topic_id: str,
        erasures: ErasureLog,
    ) -> None:
        self._client, self._erasures = client, erasures
        self._names = IndexNames(settings)
        self._lookups = Lookups(settings, client, labels_topic_id)
        self._labels = Topics(settings).labels.name
        self._outcomes = self._names.pattern("outcomes")
        self._known: set[tuple[str, str]] = set()
        erasures.refresh()
        self.written = 0

    def take(self, records: Iterable[Any]) -> None:
        """Bring the outcomes of all events up to date that these records speak of.

        Their documents must be searchable by now.

        Raises:
            UnreachableError: Kafka or Elasticsearch does not take part; nothing is lost by trying
                again.
            ApiError, TransportError: as Elasticsearch's client raises them.
        """
        for model, events in portions(mentioned_events(records, self._labels), MOST_EVENTS):
            new = [event for event in events if (model, event) not in self._known]
            # Most predictions have no label yet, and nothing to be joined with.
            labelled = sorted(self._lookups.labelled(model, new)) if new else []
            if labelled:
                self._join(model, labelled)
            if len(self._known) > _MOST_KNOWN:
                self._known.clear()
            self._known.update((model, event) for event in new)

    def _join(self, model: str, events: Sequence[str]) -> None:
        for _ in range(_ATTEMPTS):
            self._client.indices.refresh(index=self._outcomes)
            found = self._lookups.find(model, events)
            wanted = list(changes(self._names, found, self._erasures.erasures))
            conflicts = write(self._client, wanted)
            self.written += len(wanted) - len(conflicts)
            events = sorted({change.event_id for change in (*conflicts, *self._erased(wanted))})
            if not events:
                return
        raise UnreachableError(
            f"the outcomes of {len(events):,} events of '{model}' change all the time, so they "
            "are left for later"
        )

    def _erased(self, written: Sequence[Change]) -> list[Change]:
        """What was written although it was erased since it was looked up. The erasure deletes what
        was there before it; this is what came after."""
        if not written:
            return []
        erasures = self._erasures.refresh()
        return [one for one in written if one.document and is_erased(erasures, one.document)]
