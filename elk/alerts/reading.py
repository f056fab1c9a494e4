"""The verdicts of the newest windows of a version, from Elasticsearch."""

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.settings import Settings
from contracts.windows import Window
from elk.alerts.rule import LookedAt, Means, Subject
from prediction_log.indices import IndexNames
from prediction_log.pages import hits, read_as
from prediction_log.window_documents import Verdict

_SAY_SOMETHING = ("ok", "over")


class _Verdicts(Struct, frozen=True):
    """What is needed of a document of either kind."""

    window: Window
    verdict: Verdict
    verdicts: tuple[Verdict, ...] = ()
    drift: Means = Means()


def newest_windows(
    client: Elasticsearch, settings: Settings, about: Subject, most: int
) -> list[LookedAt]:
    """The newest windows that say something of a version that served in them, newest first, those
    among them that were written a moment ago: a window is judged whole."""
    pattern = IndexNames(settings).pattern(about.kind, about.model)
    filters: list[dict[str, Any]] = [
        {"term": {"model.name": about.model}},
        {"term": {"model.version": about.version}},
        {"terms": {"model.role": ["champion", "canary"]}},
        {"terms": {"verdict.state": list(_SAY_SOMETHING)}},
    ]
    client.indices.refresh(index=pattern)
    newest = _newest_starts(client, pattern, filters, most)
    if not newest:
        return []
    chosen = [*filters, {"range": {"@timestamp": {"gte": min(newest).isoformat()}}}]
    found: dict[Window, list[Verdict]] = defaultdict(list)
    means: dict[Window, dict[str, Means]] = defaultdict(dict)
    columns = ("window", "verdict", "verdicts", "drift.mean", "drift.mean_before")
    for hit in hits(client, pattern, chosen, sort=[{"_shard_doc": "asc"}], columns=columns):
        document = read_as(hit, _Verdicts)
        if document is None:
            continue
        of_window = document.verdicts or (document.verdict,)
        found[document.window] += [one for one in of_window if one.state in _SAY_SOMETHING]
        means[document.window][document.verdict.signal] = document.drift
    ordered = sorted(found, reverse=True)[:most]
    return [LookedAt(window, tuple(found[window]), means[window]) for window in ordered]


def _newest_starts(
    client: Elasticsearch, pattern: str, filters: list[dict[str, Any]], most: int
) -> list[datetime]:
    answer = client.search(
        index=pattern,
        size=0,
        query={"bool": {"filter": filters}},
        aggs={
            "starts": {"terms": {"field": "window.start", "size": most, "order": {"_key": "desc"}}}
        },
    ).body
    buckets = answer.get("aggregations", {}).get("starts", {}).get("buckets", [])
    return [datetime.fromtimestamp(bucket["key"] / 1000, UTC) for bucket in buckets]
