"""Since when each version serves, by the times of the events that it answered."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from msgspec import Struct

from elk.attribution.asking import Search, figures
from elk.dashboards.intervals import Span, interval
from elk.dashboards.panels import TIMESTAMP, Filter

MOST_INTERVALS = 400
_MOST_MODELS = 10
_MOST_VERSIONS = 5
"""Of one interval, those with most answers."""


class Takeover(Struct, frozen=True):
    """A version answers most events of its model from then on; `after`: which one did before."""

    model: str
    version: str
    after: str
    at: datetime


def takeovers(search: Search, span: Span, models: Sequence[str] = ()) -> list[Takeover]:
    """Those within a time, in their order, rollbacks among them. Single events that come late, and
    are answered by a version of today, are none.

    Args:
        models: only theirs.
    """
    filters = [Filter("model.role", ("champion",))]
    if models:
        filters.append(Filter("model.name", tuple(models)))
    length = {"fixed_interval": interval(span, MOST_INTERVALS), "min_doc_count": 1}
    intervals = {"date_histogram": {"field": TIMESTAMP, **length}}
    versions = {
        "terms": {"field": "model.version", "size": _MOST_VERSIONS},
        "aggs": {"first": {"min": {"field": TIMESTAMP}}},
    }
    by_model = {
        "terms": {"field": "model.name", "size": _MOST_MODELS},
        "aggs": {"intervals": {**intervals, "aggs": {"versions": versions}}},
    }
    body = figures(span, filters, {"models": by_model})
    found = search(("predictions",), body).get("aggregations", {}).get("models", {})
    taken = [one for bucket in found.get("buckets", ()) for one in _taken(bucket)]
    return sorted(taken, key=lambda one: one.at)


def _taken(model: Mapping[str, Any]) -> Iterator[Takeover]:
    serving = ""
    for bucket in model["intervals"]["buckets"]:
        leads = bucket["versions"]["buckets"][0]
        if serving and leads["key"] != serving:
            first = datetime.fromtimestamp(leads["first"]["value"] / 1000, UTC)
            yield Takeover(model["key"], leads["key"], serving, first)
        serving = leads["key"]
