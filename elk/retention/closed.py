"""Months that have been summarised: what comes later for them changes no summary any more.

Without that a few late events, or what is left of a window across the end of a month, would be
measured as if they were all there ever was.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.settings import Settings
from contracts.windows import Window
from elk.retention.due import Kept
from elk.retention.months import overlap
from prediction_log.indices import IndexNames
from prediction_log.pages import hits, read_as

Wanted = Callable[[Window], bool]
"""Which windows are to be measured."""


class _Month(Struct, frozen=True):
    window: Window


def closed_months(
    client: Elasticsearch, settings: Settings, model: str, kinds: Sequence[Kept]
) -> list[Window]:
    """Months of a model that were summarised before documents of any of these kinds were deleted.

    Raises:
        ApiError, TransportError: as Elasticsearch's client raises them.
    """
    pattern = IndexNames(settings).pattern("summaries", model)
    found = hits(
        client, pattern, _closings(kinds), sort=({"_shard_doc": "asc"},), columns=("window",)
    )
    months = (read_as(hit, _Month) for hit in found)
    return [month.window for month in months if month is not None]


def was_closed(
    client: Elasticsearch, settings: Settings, model: str, kinds: Sequence[Kept], window: Window
) -> bool:
    """Whether a part of a window is closed by now.

    A month is closed before the first of its documents is deleted. So what was read before this
    says no was read whole.

    Raises:
        ApiError, TransportError: as Elasticsearch's client raises them.
    """
    filters: list[dict[str, Any]] = [
        *_closings(kinds),
        {"range": {"window.start": {"lt": window.end.isoformat()}}},
        {"range": {"window.end": {"gt": window.start.isoformat()}}},
    ]
    pattern = IndexNames(settings).pattern("summaries", model)
    answer = client.count(index=pattern, query={"bool": {"filter": filters}})
    return int(answer["count"]) > 0


def still_measured(closed: Sequence[Window], newest: datetime) -> Wanted:
    """Windows that are over by the newest event, and no part of which is closed."""
    return lambda window: window.end <= newest and is_open(closed, window)


def is_open(closed: Sequence[Window], window: Window) -> bool:
    """Whether no part of a window is closed."""
    return not any(overlap(window, month) for month in closed)


def _closings(kinds: Sequence[Kept]) -> list[dict[str, Any]]:
    return [{"term": {"summary.of": "month"}}, {"terms": {"summary.kind": list(kinds)}}]
