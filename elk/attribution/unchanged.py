"""A version that answered the events of both times, whatever its role: what it did differently is
of the events alone."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from elk.attribution.asking import Search, figures
from elk.attribution.changes import Change
from elk.attribution.course import CONFIDENCE
from elk.dashboards.intervals import Span, within
from elk.dashboards.panels import TIMESTAMP, Filter

_NEARLY_ALL = 0.8
_MOST_VERSIONS = 50


class Unchanged(Struct, frozen=True):
    """The mean confidence of one version in both times; as a champion, a canary or a shadow."""

    version: str
    before: float
    now: float


def unchanged(search: Search, model: str, change: Change) -> Unchanged | None:
    """The version that answered most of both times; None: none answered nearly all events."""
    spans = {"before": change.before, "now": change.now}
    by_version = {
        "terms": {"field": "model.version", "size": _MOST_VERSIONS},
        "aggs": {"confidence": {"avg": {"field": CONFIDENCE}}},
    }
    either = Span(change.before.start, change.now.end)
    times = {
        name: {
            "filter": within(Span(period.start, period.end), TIMESTAMP),
            "aggs": {"versions": by_version},
        }
        for name, period in spans.items()
    }
    filters = (Filter("model.name", (model,)), Filter(CONFIDENCE))
    found = search(("predictions",), figures(either, filters, times))["aggregations"]
    before, now = (_covering(found[name], spans[name].rows) for name in spans)
    both = sorted(before.keys() & now.keys(), key=lambda v: min(before[v][0], now[v][0]))
    if not both:
        return None
    return Unchanged(both[-1], before[both[-1]][1], now[both[-1]][1])


def _covering(time: Mapping[str, Any], rows: int) -> dict[str, tuple[int, float]]:
    """Rows and mean of the versions that answered nearly all events."""
    return {
        one["key"]: (one["doc_count"], one["confidence"]["value"])
        for one in time["versions"]["buckets"]
        if one["doc_count"] >= _NEARLY_ALL * rows
    }
