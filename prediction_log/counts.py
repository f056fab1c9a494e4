"""What the log holds, counted by Elasticsearch."""

from typing import Any

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.settings import Settings
from prediction_log.client import connect, translated
from prediction_log.indices import IndexNames
from prediction_log.reader import read

PERCENTS = (50, 95, 99)


class Latencies(Struct, frozen=True):
    """Percentiles of `latency.total_ms`, milliseconds (t-digest, approximate)."""

    p50: float | None
    p95: float | None
    p99: float | None


class LogCounts(Struct, frozen=True, kw_only=True):
    """Documents of the log; `versions` and `shadows` are version -> documents.

    `events` are the distinct event ids among the serving documents, counted exactly; fewer than
    `serving` means that a producer sent the same event twice, or that one was doubled.
    """

    serving: int
    events: int
    versions: dict[str, int]
    shadows: dict[str, int]
    labels: int
    dead_letters: int
    latency_ms: Latencies


def count(settings: Settings, model: str | None = None) -> LogCounts:
    """Refresh the indices and count; dead letters without a known model count for all models.

    Raises:
        UnreachableError: Elasticsearch does not answer.
        MillraceError: Elasticsearch refused.
    """
    names = IndexNames(settings)
    predictions = names.pattern("predictions", model)
    client = connect(settings, connections=1)
    try:
        with translated(settings):
            client.indices.refresh(index=f"{settings.index_prefix}-*")
            serving = _aggregate(client, predictions, {"must_not": [_SHADOWS]})
            shadows = _aggregate(client, predictions, {"filter": [_SHADOWS]})
            labels = client.count(index=names.pattern("labels", model))["count"]
            letters = client.count(index=names.pattern("dead-letters"), query=_letters(model))
    finally:
        client.close()
    ids = read(settings, model, columns=["event.id", "model.role"])
    return LogCounts(
        serving=serving["hits"]["total"]["value"],
        events=ids.loc[ids["model.role"] != "shadow", "event.id"].nunique(),
        versions=_buckets(serving),
        shadows=_buckets(shadows),
        labels=labels,
        dead_letters=letters["count"],
        latency_ms=_latencies(serving),
    )


_SHADOWS = {"term": {"model.role": "shadow"}}


def _letters(model: str | None) -> dict[str, Any]:
    if model is None:
        return {"match_all": {}}
    unknown = {"bool": {"must_not": [{"exists": {"field": "model.name"}}]}}
    return {"bool": {"should": [{"term": {"model.name": model}}, unknown]}}


def _aggregate(client: Elasticsearch, pattern: str, which: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = client.search(
        index=pattern,
        size=0,
        track_total_hits=True,
        query={"bool": which},
        aggs={
            "versions": {"terms": {"field": "model.version", "size": 1000}},
            "latency": {"percentiles": {"field": "latency.total_ms", "percents": list(PERCENTS)}},
        },
    ).body
    return body


def _buckets(answer: dict[str, Any]) -> dict[str, int]:
    buckets = answer.get("aggregations", {}).get("versions", {}).get("buckets", [])
    return {bucket["key"]: bucket["doc_count"] for bucket in buckets}


def _latencies(answer: dict[str, Any]) -> Latencies:
    values = answer.get("aggregations", {}).get("latency", {}).get("values", {})
    return Latencies(*(values.get(f"{percent}.0") for percent in PERCENTS))
