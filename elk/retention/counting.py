"""Daily roll-ups of predictions and dead letters, counted by Elasticsearch."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch

from contracts.windows import Window
from prediction_log.counts import PERCENTS
from prediction_log.documents import EventModel
from prediction_log.indices import LETTERS
from prediction_log.operations_documents import Milliseconds
from prediction_log.summary_documents import SummaryDocument, SummaryFigures

Summaries = Iterator[tuple[str, SummaryDocument]]
"""Ids and documents."""

_PAGE = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ANSWERS = ("prediction.label", "prediction.cluster", "prediction.is_anomaly")
_MEANS = {
    "confidence": {"avg": {"field": "prediction.confidence"}},
    "value": {"avg": {"field": "prediction.value"}},
}
_LATENCY = {"percentiles": {"field": "latency.total_ms", "percents": list(PERCENTS)}}


def predictions_by_day(client: Elasticsearch, indices: Sequence[str], model: str) -> Summaries:
    """What versions answered on each day: in all, and by answer.

    Raises:
        ApiError, TransportError: as Elasticsearch's client raises them.
    """
    by_version = {"version": "model.version", "role": "model.role"}
    aggregations = {**_MEANS, "latency": _LATENCY}
    for day, key, bucket in _buckets(client, indices, "@timestamp", by_version, aggregations):
        named = EventModel(model, key["version"], key["role"])
        percentiles = bucket["latency"]["values"]
        latencies = [percentiles[f"{percent}.0"] for percent in PERCENTS]
        yield (
            f"{model}-{named.version}-{named.role}-{day:%Y.%m.%d}",
            _document(
                day,
                named,
                SummaryFigures(
                    of="version",
                    count=bucket["doc_count"],
                    confidence=bucket["confidence"]["value"],
                    value=bucket["value"]["value"],
                    latency=None if None in latencies else Milliseconds(*latencies),
                ),
            ),
        )
    by_answer = by_version | {name: name for name in _ANSWERS}
    for day, key, bucket in _buckets(client, indices, "@timestamp", by_answer, _MEANS):
        answer = next((key[name] for name in _ANSWERS if key[name] is not None), None)
        if answer is None:  # a number, or several targets
            continue
        named, text = EventModel(model, key["version"], key["role"]), _text(answer)
        yield (
            f"{model}-{named.version}-{named.role}-{day:%Y.%m.%d}-{_hash(text)}",
            _document(
                day,
                named,
                SummaryFigures(
                    of="answer",
                    count=bucket["doc_count"],
                    answer=text,
                    confidence=bucket["confidence"]["value"],
                ),
            ),
        )


def letters_by_day(client: Elasticsearch, indices: Sequence[str], time: str) -> Summaries:
    """Dead letters of each day by model and reason.

    Args:
        time: the field that days are told by.

    Raises:
        ApiError, TransportError: as Elasticsearch's client raises them.
    """
    sources = {"model": "model.name", "reason": "dead_letter.reason"}
    for day, key, bucket in _buckets(client, indices, time, sources, {}):
        model, reason = key["model"], key["reason"]
        yield (
            f"{LETTERS}-{day:%Y.%m.%d}-{_hash(f'{reason} {model}')}",
            _document(
                day,
                None if model is None else EventModel(model),
                SummaryFigures(of="dead letters", count=bucket["doc_count"], reason=reason),
            ),
        )


def _document(day: datetime, model: EventModel | None, figures: SummaryFigures) -> SummaryDocument:
    window = Window(day, day + timedelta(days=1))
    return SummaryDocument(
        timestamp=day, window=window, summary=figures, model=model, computed_at=datetime.now(UTC)
    )


def _buckets(
    client: Elasticsearch,
    indices: Sequence[str],
    time: str,
    fields: Mapping[str, str],
    aggregations: Mapping[str, Any],
) -> Iterator[tuple[datetime, dict[str, Any], dict[str, Any]]]:
    """Day, values of the fields, and what Elasticsearch counted; null where they have none."""
    day = {"date_histogram": {"field": time, "calendar_interval": "day"}}
    composite: dict[str, Any] = {
        "size": _PAGE,
        "sources": [
            {"day": day},
            *({n: {"terms": {"field": f, "missing_bucket": True}}} for n, f in fields.items()),
        ],
    }
    while True:
        answer = client.search(
            index=",".join(indices),
            size=0,
            aggs={"days": {"composite": composite, "aggs": dict(aggregations)}},
            filter_path="aggregations.days",
        ).body
        found = answer.get("aggregations", {}).get("days", {})
        for bucket in found.get("buckets", []):
            key = bucket["key"]
            yield _EPOCH + timedelta(milliseconds=key["day"]), key, bucket
        if len(found.get("buckets", [])) < _PAGE:
            return
        composite = composite | {"after": found["after_key"]}


def _text(answer: object) -> str:
    return str(answer).lower() if isinstance(answer, bool) else str(answer)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
