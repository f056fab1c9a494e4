"""The latest label of events."""

from collections.abc import Sequence
from typing import Any

from elasticsearch import Elasticsearch

from contracts.settings import Settings
from prediction_log.indices import IndexNames

_CHUNK = 1000
_MOST = 10_000


def latest_labels(
    client: Elasticsearch, settings: Settings, model: str, events: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Event id -> `_source.label` of the events that have one; of several the latest, which is
    that of the greatest offset: labels of one event have one key, so one partition."""
    labels: dict[str, tuple[int, dict[str, Any]]] = {}
    for begin in range(0, len(events), _CHUNK):
        hits = client.search(
            index=IndexNames(settings).pattern("labels", model),
            size=_MOST,
            query={"terms": {"event.id": list(events[begin : begin + _CHUNK])}},
            source_includes=["event.id", "label", "kafka.offset"],
        ).body["hits"]["hits"]
        for hit in hits:
            source = hit["_source"]
            offset, event = source["kafka"]["offset"], source["event"]["id"]
            if event not in labels or labels[event][0] < offset:
                labels[event] = offset, source["label"]
    return {event: label for event, (_, label) in labels.items()}
