"""Predictions of event ids that were used before in the same window, of one model."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from elasticsearch import Elasticsearch

from contracts.settings import Settings
from contracts.windows import Window
from elk.window_counts import VersionWindow
from prediction_log.indices import IndexNames
from prediction_log.pages import hits

_MOST_IDS = 5000
"""Ids that were used more than once, of which the predictions are counted."""
_SERVING = {"terms": {"model.role": ["champion", "canary"]}}
_FIRST_FIRST = (
    {"predicted_at": "asc"},
    *({f"kafka.{name}": "asc"} for name in ("topic_id", "partition", "offset")),
    {"_shard_doc": "asc"},
)


def repeated(
    client: Elasticsearch, settings: Settings, model: str, window: Window
) -> Mapping[VersionWindow, int]:
    """How many serving predictions of each version are not the first of their event id.

    A label belongs to the first of them alone; of the others there is nothing to be told.
    """
    span = {"gte": window.start.isoformat(), "lt": window.end.isoformat()}
    filters: list[dict[str, Any]] = [_SERVING, {"range": {"@timestamp": span}}]
    pattern = IndexNames(settings).pattern("predictions", model)
    answer = client.search(
        index=pattern,
        size=0,
        query={"bool": {"filter": filters}},
        aggs={"ids": {"terms": {"field": "event.id", "size": _MOST_IDS, "min_doc_count": 2}}},
        filter_path="aggregations.ids.buckets.key",
    ).body
    buckets = answer.get("aggregations", {}).get("ids", {}).get("buckets", [])
    if not buckets:
        return {}
    filters.append({"terms": {"event.id": [bucket["key"] for bucket in buckets]}})
    columns = ("event.id", "model")
    seen: set[str] = set()
    counts: Counter[VersionWindow] = Counter()
    for hit in hits(client, pattern, filters, sort=_FIRST_FIRST, columns=columns):
        source = hit["_source"]
        event, model_of = source["event"]["id"], source["model"]
        if event in seen:
            counts[VersionWindow(window, model_of["version"], model_of["role"])] += 1
        seen.add(event)
    return counts
