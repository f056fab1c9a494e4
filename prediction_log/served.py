"""What was served in a past window, with the features as they came: to be scored again."""

import random
from datetime import datetime
from typing import Any

from msgspec import Struct

from contracts.events import FeatureValue
from contracts.settings import Settings
from prediction_log.client import connect, translated
from prediction_log.indices import IndexNames
from prediction_log.labels import latest_labels
from prediction_log.pages import hits

_COLUMNS = ("event.id", "model.version", "model.role", "prediction", "features")


class Served(Struct, frozen=True):
    """One event: the version that answered it, its answer, its features, and its label if any.

    Booleans among the features are text, as the log keeps them.
    """

    event_id: str
    version: str
    prediction: dict[str, Any]
    features: dict[str, FeatureValue]
    label: dict[str, Any] | None = None


class ServedWindow(Struct, frozen=True):
    """A sample of a window, and how many events there were in all."""

    events: int
    sample: list[Served]


def read_served(
    settings: Settings,
    model: str,
    start: datetime | None,
    end: datetime | None,
    most: int,
    seed: int = 0,
) -> ServedWindow:
    """Read serving predictions by event time, [start, end).

    Args:
        most: events to keep; of more each is as likely to be kept (reservoir sampling, Vitter
            1985, algorithm R).

    Raises:
        UnreachableError: Elasticsearch does not answer.
        MillraceError: Elasticsearch refused.
    """
    span = {"gte": start, "lt": end}
    limits = {name: moment.isoformat() for name, moment in span.items() if moment is not None}
    filters: list[dict[str, Any]] = [{"term": {"model.name": model}}]
    filters += [{"terms": {"model.role": ["champion", "canary"]}}]
    filters += [{"range": {"@timestamp": limits}}] if limits else []
    chance, seen = random.Random(seed), 0
    kept: list[Served] = []
    client = connect(settings, connections=1)
    try:
        with translated(settings):
            pattern = IndexNames(settings).pattern("predictions", model)
            for hit in hits(
                client, pattern, filters, sort=({"_shard_doc": "asc"},), columns=_COLUMNS
            ):
                seen += 1
                if len(kept) < most:
                    kept.append(_served(hit["_source"]))
                elif (place := chance.randrange(seen)) < most:
                    kept[place] = _served(hit["_source"])
            labels = latest_labels(client, settings, model, [one.event_id for one in kept])
    finally:
        client.close()
    return ServedWindow(
        seen,
        [
            Served(one.event_id, one.version, one.prediction, one.features, labels[one.event_id])
            if one.event_id in labels
            else one
            for one in kept
        ],
    )


def _served(source: dict[str, Any]) -> Served:
    features = source.get("features", {})
    return Served(
        source["event"]["id"],
        source["model"]["version"],
        source["prediction"],
        {**features.get("num", {}), **features.get("cat", {})},
    )
