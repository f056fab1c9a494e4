"""What a canary and the champion beside it have done, counted by Elasticsearch."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.settings import Settings
from prediction_log.client import connect, translated
from prediction_log.indices import IndexNames
from prediction_log.labels import latest_labels

_BINS = 10
_MOST_VALUES = 200
_SAMPLE = 10_000
"""Most labelled predictions of each version that figures are taken of."""


class VersionEvidence(Struct, frozen=True, kw_only=True):
    """What one version has done since a moment.

    Args:
        predictions: documents; `failures`: dead letters of events that it could not score.
        inference_ms: median of a predict call.
        answers: answer, as far as it can be counted -> predictions; for numbers by the champion's
            deciles.
        labelled: predictions, as `_source.prediction`, beside what really happened, `value` and
            `number` of its label; at most 10,000.
    """

    predictions: int
    failures: int
    inference_ms: float | None
    answers: Mapping[str, int]
    labelled: Sequence[tuple[dict[str, Any], dict[str, Any]]] = ()


def read_evidence(
    settings: Settings, model: str, champion: str, canary: str, since: datetime
) -> tuple[VersionEvidence, VersionEvidence]:
    """Look at what the champion and its canary have done since the canary began.

    Args:
        champion, canary: versions.

    Raises:
        UnreachableError: Elasticsearch does not answer.
        MillraceError: Elasticsearch refused.
    """
    client = connect(settings, connections=1)
    try:
        with translated(settings):
            client.indices.refresh(
                index=f"{settings.index_prefix}-*", ignore_unavailable=True, allow_no_indices=True
            )
            edges = _deciles(client, settings, model, champion, since)
            one, two = (
                _of_version(client, settings, model, version, since, edges)
                for version in (champion, canary)
            )
    finally:
        client.close()
    return one, two


def _served(version: str, model: str, since: datetime) -> dict[str, Any]:
    return {
        "bool": {
            "filter": [
                {"term": {"model.name": model}},
                {"term": {"model.version": version}},
                {"range": {"predicted_at": {"gte": since.isoformat()}}},
            ],
            "must_not": [{"term": {"model.role": "shadow"}}],
        }
    }


def _deciles(
    client: Elasticsearch, settings: Settings, model: str, version: str, since: datetime
) -> list[float]:
    """Inner edges of bins that hold as many of the champion's numbers each."""
    answer = client.search(
        index=IndexNames(settings).pattern("predictions", model),
        size=0,
        query=_served(version, model, since),
        aggs={
            "value": {
                "percentiles": {
                    "field": "prediction.value",
                    "percents": [100 * n / _BINS for n in range(1, _BINS)],
                }
            }
        },
    ).body
    values = answer.get("aggregations", {}).get("value", {}).get("values", {})
    return sorted({float(value) for value in values.values() if value is not None})


def _of_version(
    client: Elasticsearch,
    settings: Settings,
    model: str,
    version: str,
    since: datetime,
    edges: Sequence[float],
) -> VersionEvidence:
    names = IndexNames(settings)
    found = client.search(
        index=names.pattern("predictions", model),
        size=0,
        track_total_hits=True,
        query=_served(version, model, since),
        aggs={
            "inference": {"percentiles": {"field": "latency.inference_ms", "percents": [50]}},
            "labels": {"terms": {"field": "prediction.label", "size": _MOST_VALUES}},
            "clusters": {"terms": {"field": "prediction.cluster", "size": _MOST_VALUES}},
            "anomalies": {"terms": {"field": "prediction.is_anomaly"}},
            "values": {"range": _ranges("prediction.value", edges or [0.0])},
        },
    ).body
    failures = client.count(
        index=names.pattern("dead-letters"),
        query={
            "bool": {
                "filter": [
                    {"term": {"model.name": model}},
                    {"term": {"model.version": version}},
                    {"term": {"dead_letter.reason": "prediction_failed"}},
                    {"range": {"failed_at": {"gte": since.isoformat()}}},
                ]
            }
        },
    )["count"]
    aggregations = found.get("aggregations", {})
    median = aggregations.get("inference", {}).get("values", {}).get("50.0")
    return VersionEvidence(
        predictions=found["hits"]["total"]["value"],
        failures=failures,
        inference_ms=median,
        answers=_answers(aggregations),
        labelled=_labelled(client, settings, model, version, since),
    )


def _ranges(field: str, edges: Sequence[float]) -> dict[str, Any]:
    inner = [{"from": a, "to": b} for a, b in pairwise(edges)]
    return {"field": field, "ranges": [{"to": edges[0]}, *inner, {"from": edges[-1]}]}


def _answers(aggregations: Mapping[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for kind in ("labels", "clusters", "anomalies", "values"):
        buckets = aggregations.get(kind, {}).get("buckets", [])
        counts |= {f"{kind} {bucket['key']}": bucket["doc_count"] for bucket in buckets}
    return {answer: count for answer, count in counts.items() if count}


def _labelled(
    client: Elasticsearch, settings: Settings, model: str, version: str, since: datetime
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Predictions, newest first, that have a label; of several labels the latest."""
    names = IndexNames(settings)
    hits = client.search(
        index=names.pattern("predictions", model),
        size=_SAMPLE,
        query=_served(version, model, since),
        sort=[{"predicted_at": "desc"}],
        source_includes=["event.id", "prediction"],
    ).body["hits"]["hits"]
    answers = {hit["_source"]["event"]["id"]: hit["_source"]["prediction"] for hit in hits}
    labels = latest_labels(client, settings, model, list(answers))
    return [(answers[event], label) for event, label in labels.items()]
