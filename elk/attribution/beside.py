"""What the log holds of a time beside its predictions: signals over their limits, alerts, and what
the answers were worth."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from contracts.signal_names import feature_of
from elk.attribution.asking import Search, figures
from elk.attribution.units import Unit
from elk.dashboards.catalogue.figures import SERVING
from elk.dashboards.intervals import Span, within
from elk.dashboards.panels import TIMESTAMP, Filter, time_field
from elk.dashboards.queries import clause

_MOST_OVER = 30
_MOST_ALERTS = 3
_METRICS = ("roc_auc", "accuracy")
_RATIO = {"ratio": {"max": {"field": "verdict.ratio"}}}

Chosen = Sequence[Filter]


class Over(Struct, frozen=True):
    """A feature that left its training data; `ratio`: times its limit, of its worst window."""

    signal: str
    ratio: float


class Told(Struct, frozen=True):
    """An alert that was raised; `at`: the end of the window that did it."""

    id: str
    version: str
    at: datetime
    reason: str


class Published(Struct, frozen=True):
    """Who let a version serve, and why; `alert` is the id of the one that a retraining answers."""

    version: str
    author: str
    reason: str
    alert: str = ""


class Worth(Struct, frozen=True):
    """A metric on the labels of two times: its mean over the windows that begin in each, by how
    many labels each has."""

    metric: str
    before: float
    now: float


def over_by_period(
    search: Search, span: Span, unit: Unit, chosen: Chosen
) -> dict[datetime, list[Over]]:
    """The features over their limits by the beginning of the period, the worst first."""
    over = Filter("verdict.state", ("over",))
    periods = {"field": TIMESTAMP, "calendar_interval": unit, "min_doc_count": 1}
    by_period = {"date_histogram": periods, "aggs": {"signals": _signals()}}
    body = figures(span, (*chosen, over, SERVING), {"periods": by_period})
    found = search(("drift",), body).get("aggregations", {}).get("periods", {})
    return {
        datetime.fromtimestamp(bucket["key"] / 1000, UTC): _over(bucket)
        for bucket in found.get("buckets", ())
    }


def ratios(search: Search, span: Span, chosen: Chosen) -> dict[str, float]:
    """How many times its limit each signal was in the worst window of a time."""
    body = figures(span, (*chosen, SERVING), {"signals": _signals(most=500)})
    found = search(("drift",), body).get("aggregations", {}).get("signals", {})
    return {
        bucket["key"]: bucket["ratio"]["value"]
        for bucket in found.get("buckets", ())
        if bucket["ratio"]["value"] is not None
    }


def newest_bins(search: Search, end: datetime, chosen: Chosen, most: int) -> list[dict[str, Any]]:
    """The newest drift document of each signal, of those that have distributions: windows of too
    few rows have none."""
    kinds = Filter("drift.kind", ("numeric", "categorical"))
    judged = Filter("verdict.state", ("ok", "over"))
    filters = [
        {"range": {TIMESTAMP: {"lt": end.isoformat()}}},
        *map(clause, (*chosen, kinds, judged)),
    ]
    body = {
        "size": most,
        "query": {"bool": {"filter": filters}},
        "collapse": {"field": "verdict.signal"},
        "sort": [{TIMESTAMP: "desc"}],
        "_source": ["verdict.signal", "drift.bins"],
    }
    return [hit["_source"] for hit in search(("drift",), body)["hits"]["hits"]]


def alerts(search: Search, span: Span, answered: Sequence[str], chosen: Chosen) -> list[Told]:
    """The first that were raised of windows that end in a time, or that have one of the ids."""
    time = time_field("alerts")
    raised = Filter("alert.state", ("raised",))
    either = [within(span, time), {"terms": {"alert.id": list(answered)}}]
    query = {"filter": [*map(clause, (*chosen, raised))], "should": either}
    body = {
        "size": _MOST_ALERTS,
        "query": {"bool": {**query, "minimum_should_match": 1}},
        "sort": [{time: "asc"}],
    }
    return [
        Told(
            hit["_source"]["alert"]["id"],
            hit["_source"]["model"]["version"],
            datetime.fromisoformat(hit["_source"]["window"]["end"]),
            hit["_source"]["alert"]["reason"],
        )
        for hit in search(("alerts",), body)["hits"]["hits"]
    ]


def published(search: Search, model: str, versions: Sequence[str]) -> list[Published]:
    """What was said when these versions were last published to serve, as far as it is known."""
    filters = (
        Filter("model.name", (model,)),
        Filter("model.version", tuple(versions)),
        Filter("model.role", ("champion",)),
        Filter("model_event.kind", ("published",)),
    )
    body = {
        "size": len(versions),
        "query": {"bool": {"filter": [*map(clause, filters)]}},
        "collapse": {"field": "model.version"},
        "sort": [{TIMESTAMP: "desc"}],
    }
    sources = [hit["_source"] for hit in search(("model-events",), body)["hits"]["hits"]]
    found = {
        one["model"]["version"]: Published(
            one["model"]["version"],
            one["model_event"].get("author", ""),
            one["model_event"].get("reason", ""),
            one["model_event"].get("alert", ""),
        )
        for one in sources
    }
    return [found[version] for version in versions if version in found]


def worth(search: Search, before: Span, now: Span, chosen: Chosen) -> list[Worth]:
    """The metrics of classifiers that both times have."""
    weight = {"field": "performance.labelled"}
    means = {
        name: {
            "weighted_avg": {"value": {"field": f"performance.metrics.{name}"}, "weight": weight}
        }
        for name in _METRICS
    }
    times = {
        name: {"filter": within(span, TIMESTAMP), "aggs": means}
        for name, span in (("before", before), ("now", now))
    }
    body = figures(Span(before.start, now.end), (*chosen, SERVING), times)
    found: Mapping[str, Any] = search(("performance",), body).get("aggregations", {})
    measured: dict[str, list[float]] = defaultdict(list)
    for time in ("before", "now"):
        for name in _METRICS:
            value = found.get(time, {}).get(name, {}).get("value")
            if value is not None:
                measured[name].append(value)
    return [Worth(name, *values) for name, values in measured.items() if len(values) == 2]


def _signals(most: int = _MOST_OVER) -> dict[str, Any]:
    terms = {"field": "verdict.signal", "size": most, "order": {"ratio": "desc"}}
    return {"terms": terms, "aggs": _RATIO}


def _over(bucket: Mapping[str, Any]) -> list[Over]:
    return [
        Over(one["key"], one["ratio"]["value"])
        for one in bucket["signals"]["buckets"]
        if feature_of(one["key"]) is not None and one["ratio"]["value"] is not None
    ]
