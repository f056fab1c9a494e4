"""How far the events of a model have come, and how many of a window have a label."""

from datetime import datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch

from contracts.settings import Settings
from contracts.windows import EPOCH, Window
from prediction_log.indices import IndexNames, Kind

_SERVING = {"terms": {"model.role": ["champion", "canary"]}}


def newest_event(client: Elasticsearch, settings: Settings, model: str) -> datetime | None:
    """The latest event time that a version of the model has served, of what can be searched;
    windows that end before it can be looked at. None: it served nothing.

    Raises:
        ApiError, TransportError: as Elasticsearch's client raises them.
    """
    newest = {"newest": {"max": {"field": "@timestamp"}}}
    answer = _ask(client, settings, model, "predictions", [], newest)
    found = answer.get("aggregations", {}).get("newest", {}).get("value")
    return None if found is None else EPOCH + timedelta(milliseconds=found)


def served_events(
    client: Elasticsearch, settings: Settings, model: str, window: Window, *, labelled: bool
) -> int:
    """How many answers of a window there are, or how many of them have a label; raises as
    `newest_event`."""
    span = {"gte": window.start.isoformat(), "lt": window.end.isoformat()}
    kind: Kind = "outcomes" if labelled else "predictions"
    answer = _ask(client, settings, model, kind, [{"range": {"@timestamp": span}}], {})
    return int(answer.get("hits", {}).get("total", {}).get("value", 0))


def _ask(
    client: Elasticsearch,
    settings: Settings,
    model: str,
    kind: Kind,
    filters: list[dict[str, Any]],
    aggs: dict[str, Any],
) -> dict[str, Any]:
    found: dict[str, Any] = client.search(
        index=IndexNames(settings).pattern(kind, model),
        size=0,
        track_total_hits=not aggs,
        query={"bool": {"filter": [{"term": {"model.name": model}}, _SERVING, *filters]}},
        aggs=aggs,
    ).body
    return found
