"""How the log is asked: for figures of a time, never for all its documents."""

from collections.abc import Callable, Sequence
from typing import Any

from elk.dashboards.intervals import Span, within
from elk.dashboards.panels import TIMESTAMP, Filter
from elk.dashboards.queries import clause
from prediction_log.indices import Kind

Search = Callable[[Sequence[Kind], dict[str, Any]], dict[str, Any]]
"""Asks the documents of some kinds; gives Elasticsearch's answer, or raises a MillraceError."""


def figures(span: Span, filters: Sequence[Filter], aggregations: dict[str, Any]) -> dict[str, Any]:
    """The search for aggregations over the documents of a time."""
    wanted = [within(span, TIMESTAMP), *map(clause, filters)]
    return {
        "size": 0,
        "track_total_hits": False,
        "query": {"bool": {"filter": wanted}},
        "aggs": aggregations,
    }
