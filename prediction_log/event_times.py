"""How far the events of a model have come, and how many of a window have a label."""

from datetime import UTC, datetime
from typing import Any

from contracts.settings import Settings
from contracts.windows import Window
from prediction_log.client import connect, translated
from prediction_log.indices import IndexNames

_SERVING = {"terms": {"model.role": ["champion", "canary"]}}


def newest_event(settings: Settings, model: str) -> datetime | None:
    """The latest event time that a version of the model has served; None: it served nothing.

    Raises:
        UnreachableError: Elasticsearch does not answer.
        MillraceError: Elasticsearch refused.
    """
    answer = _ask(settings, model, "predictions", [], {"newest": {"max": {"field": "@timestamp"}}})
    newest = answer.get("aggregations", {}).get("newest", {}).get("value")
    return None if newest is None else datetime.fromtimestamp(newest / 1000, UTC)


def served_events(settings: Settings, model: str, window: Window, *, labelled: bool) -> int:
    """How many answers of a window there are, or how many of them have a label.

    Raises:
        UnreachableError: Elasticsearch does not answer.
        MillraceError: Elasticsearch refused.
    """
    span = {"gte": window.start.isoformat(), "lt": window.end.isoformat()}
    kind = "outcomes" if labelled else "predictions"
    answer = _ask(settings, model, kind, [{"range": {"@timestamp": span}}], {})
    return int(answer.get("hits", {}).get("total", {}).get("value", 0))


def _ask(
    settings: Settings, model: str, kind: Any, filters: list[Any], aggs: dict[str, Any]
) -> dict[str, Any]:
    client = connect(settings, connections=1)
    try:
        with translated(settings):
            found: dict[str, Any] = client.search(
                index=IndexNames(settings).pattern(kind, model),
                size=0,
                track_total_hits=True,
                query={"bool": {"filter": [{"term": {"model.name": model}}, _SERVING, *filters]}},
                aggs=aggs,
            ).body
    finally:
        client.close()
    return found
