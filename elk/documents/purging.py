"""Erasing once more what came back from a snapshot that is older than the erasure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch

from contracts.erasures import Erasures
from contracts.events import Source
from contracts.settings import Settings
from elk.documents.erasing import delete_documents
from elk.documents.our_indices import refresh
from elk.documents.traces import Trace
from prediction_log.pages import hits

_COLUMNS = (
    *("kafka", "entity.id", "event.id", "model.name"),
    *("@timestamp", "predicted_at", "latency.total_ms"),
)


def purge(settings: Settings, client: Elasticsearch, erasures: Erasures) -> int:
    """Look at every document and delete those that are erased; gives how many.

    An erasure is known by hashes, so that no query can find what it speaks of.
    """
    if not erasures:
        return 0
    refresh(settings, client)
    return sum(delete_documents(client, _erased(settings, client, erasures)).values())


def _erased(settings: Settings, client: Elasticsearch, erasures: Erasures) -> Iterator[Trace]:
    for kind in ("predictions", "labels", "dead-letters", "outcomes"):
        pattern = f"{settings.index_prefix}-{kind}-*"
        order = [{"_shard_doc": "asc"}]
        for hit in hits(client, pattern, [], sort=order, columns=_COLUMNS):
            if _is_erased(erasures, hit["_source"]):
                yield Trace(kind, hit["_index"], hit["_id"])


def _is_erased(erasures: Erasures, document: dict[str, Any]) -> bool:
    place = Source(**document["kafka"])
    entity = document.get("entity") or []
    entities = entity if isinstance(entity, list) else [entity]
    sent_at = _sent_at(document)
    if entities:
        return any(erasures.cover_entity(one["id"], place, sent_at) for one in entities)
    model, event = document.get("model"), document.get("event")
    if not model or not event:
        return False
    return erasures.cover_event(model["name"], event["id"], place, sent_at)


def _sent_at(document: dict[str, Any]) -> datetime:
    """As well as a document tells; it decides only where Kafka has another topic by now."""
    if "predicted_at" in document:
        predicted_at = datetime.fromisoformat(document["predicted_at"])
        # Outcomes do not repeat the latency.
        total_ms = document.get("latency", {}).get("total_ms", 0.0)
        return predicted_at - timedelta(milliseconds=total_ms)
    if "entity" in document:
        return datetime.fromisoformat(document["@timestamp"])
    return datetime.fromtimestamp(0, UTC)  # a label tells only of what it speaks
