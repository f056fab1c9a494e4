"""What documents tell of an entity: its events, and every document that speaks of it or of them."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from elasticsearch import Elasticsearch

from contracts.settings import Settings
from elk.documents.our_indices import refresh
from prediction_log.indices import DERIVED_KINDS, KINDS
from prediction_log.pages import hits

Events = set[tuple[str, str]]
"""Model and event id."""

_ASKED_AT_ONCE = 1000
_COLUMNS = ("kafka", "model.name", "event.id")


class Trace(NamedTuple):
    """A document that speaks of the entity."""

    kind: str
    index_name: str
    id: str


class Traces:
    """Asks Elasticsearch about one entity.

    Args:
        ends: topic id -> end of each partition; what came later is left out.
    """

    def __init__(
        self,
        settings: Settings,
        client: Elasticsearch,
        entity: str,
        ends: Mapping[str, tuple[int, ...]],
    ) -> None:
        self._settings, self._client, self._ends = settings, client, ends
        self._of_entity = {"term": {"entity.id": entity}}

    def events(self) -> Events:
        """Its events: those predicted, and those that became dead letters."""
        return {
            (source["model"]["name"], source["event"]["id"])
            for kind in ("predictions", "dead-letters")
            for source in (hit["_source"] for hit in self._hits(kind, self._of_entity))
            if "model" in source and "event" in source
        }

    def documents(self, events: Events) -> Iterator[Trace]:
        """Every document that names the entity, and every label of these events."""
        for kind in (*KINDS, *DERIVED_KINDS):
            for hit in self._hits(kind, self._of_entity):
                yield Trace(kind, hit["_index"], hit["_id"])
        remaining = iter(sorted(events))
        while some := dict.fromkeys(islice(remaining, _ASKED_AT_ONCE)):
            of_events = {"terms": {"event.id": sorted({event for _, event in some})}}
            nobody = {"bool": {"filter": [of_events], "must_not": [{"exists": _ENTITY}]}}
            for kind in ("labels", "dead-letters"):  # letters of labels name no entity
                for hit in self._hits(kind, nobody):
                    source = hit["_source"]
                    if (source.get("model", {}).get("name"), source["event"]["id"]) in some:
                        yield Trace(kind, hit["_index"], hit["_id"])

    def count(self, events: Events) -> dict[str, int]:
        """Kind -> how many documents there are to be found now."""
        refresh(self._settings, self._client)
        found = dict.fromkeys(("predictions", "labels", "dead-letters"), 0)
        for trace in self.documents(events):
            found[trace.kind] = found.get(trace.kind, 0) + 1
        return found

    def _hits(self, kind: str, which: dict[str, Any]) -> Iterator[dict[str, Any]]:
        pattern = f"{self._settings.index_prefix}-{kind}-*"
        order = [{"_shard_doc": "asc"}]
        for hit in hits(self._client, pattern, [which], sort=order, columns=_COLUMNS):
            if self._is_before(hit["_source"].get("kafka")):
                yield hit

    def _is_before(self, place: Mapping[str, Any] | None) -> bool:
        """A topic that Kafka does not have is one from before."""
        ends = self._ends.get(place["topic_id"]) if place else None
        if place is None or ends is None:
            return True
        partition = place["partition"]
        return bool(partition < len(ends) and place["offset"] < ends[partition])


_ENTITY = {"field": "entity.id"}
