"""What was served and what really happened, as a table to train on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pandas as pd

from contracts.errors import UsageError
from contracts.events import FeatureValue
from contracts.feature_schema import Feature, seconds
from contracts.settings import Settings
from prediction_log.client import opened
from prediction_log.indices import IndexNames
from prediction_log.pages import hits

OCCURRED_AT = "occurred_at"
"""The column of event times; `@timestamp` where the model has a feature of this name."""
_TRUTH = {"true": True, "false": False}


def read_training_set(
    settings: Settings,
    model: str,
    features: Sequence[Feature],
    targets: Sequence[str],
    start: datetime | None = None,
    end: datetime | None = None,
) -> pd.DataFrame:
    """Read events that a version of the model served, beside their newest labels.

    Numbers are as precise as in the events: documents keep what was sent, and only what is
    aggregated is rounded to float32.

    Args:
        features: in this order, as columns of their kinds; `datetime` becomes a UTC time.
        targets: names for what labels say, one or several; none: events without labels, too.
        start, end: [start, end) in event time.

    Returns:
        One row per event, oldest first: the event time, the features, the targets. A target is
        a number if every label was one, a truth value if all were true or false, else text.

    Raises:
        UsageError: a target is called as a feature.
        UnreachableError: Elasticsearch does not answer.
        MillraceError: Elasticsearch refused.
    """
    names = [feature.name for feature in features]
    taken = next((target for target in targets if target in names), None)
    if taken is not None:
        raise UsageError(f"'{taken}' is a feature of '{model}': call the target something else")
    events = _events(settings, model, names, bool(targets), start, end)
    times = pd.to_datetime([e.occurred_at for e in events.values()], format="ISO8601", utc=True)
    ids = pd.Series(list(events), dtype=object)
    # Events of one moment come in the order of their ids, wherever they are stored.
    order = pd.DataFrame({"time": times, "id": ids}).sort_values(["time", "id"]).index
    ordered = [events[ids[place]] for place in order]
    columns: dict[str, Any] = {time_column(names): times[order]}
    for number, feature in enumerate(features):
        columns[feature.name] = _feature([event.values[number] for event in ordered], feature)
    labels = [event.label for event in ordered]
    for target in targets:
        columns[target] = _target(labels, target if len(targets) > 1 else None)
    return pd.DataFrame(columns)


def time_column(features: Sequence[str]) -> str:
    """What the column of event times is called beside these features."""
    return "@timestamp" if OCCURRED_AT in features else OCCURRED_AT


class _Event(NamedTuple):
    """An event as its document has it; `values` are those of the features, in their order."""

    occurred_at: str
    values: tuple[FeatureValue, ...]
    label: dict[str, Any]


def _events(
    settings: Settings,
    model: str,
    names: Sequence[str],
    labelled: bool,
    start: datetime | None,
    end: datetime | None,
) -> dict[str, _Event]:
    """By event id. Of an event that was sent twice the first counts, as the label belongs to it."""
    span = {"gte": start, "lt": end}
    limits = {name: moment.isoformat() for name, moment in span.items() if moment is not None}
    filters: list[dict[str, Any]] = [
        {"term": {"model.name": model}},
        {"terms": {"model.role": ["champion", "canary"]}},
        *([{"range": {"@timestamp": limits}}] if limits else []),
    ]
    found: dict[str, _Event] = {}
    with opened(settings) as client:
        pattern = IndexNames(settings).pattern("outcomes" if labelled else "predictions", model)
        for hit in hits(
            client,
            pattern,
            filters,
            sort=({"@timestamp": "asc"}, {"_shard_doc": "asc"}),
            columns=("@timestamp", "event.id", "features", "label"),
        ):
            source = hit["_source"]
            given = source.get("features", {})
            values = given.get("num", {}) | given.get("cat", {})
            event = _Event(
                source["@timestamp"], tuple(map(values.get, names)), source.get("label", {})
            )
            found.setdefault(source["event"]["id"], event)
    return found


def _feature(values: list[FeatureValue], feature: Feature) -> pd.Series:
    if feature.kind == "numeric":
        return pd.Series(
            pd.to_numeric(pd.Series(values, dtype=object), errors="coerce"), dtype=float
        )
    if feature.kind == "datetime":
        moments = pd.Series([_seconds(value) for value in values], dtype=float)
        return pd.to_datetime(moments, unit="s", utc=True, errors="coerce")
    if feature.kind == "boolean":
        return pd.Series([_TRUTH.get(str(value)) for value in values], dtype=object)
    words = [value if isinstance(value, str) else None for value in values]
    return pd.Series(words, dtype=object)


def _seconds(value: FeatureValue) -> float:
    try:
        return seconds(value)
    except ValueError:
        return float("nan")


def _target(labels: list[dict[str, Any]], of: str | None) -> pd.Series:
    """One target of several by its name, or the only one."""
    if of is None:
        numbers = [label.get("number") for label in labels]
        words = [label.get("value") for label in labels]
    else:
        numbers = [label.get("numbers", {}).get(of) for label in labels]
        words = [label.get("values", {}).get(of) for label in labels]
    said = [number for number, word in zip(numbers, words, strict=True) if word is not None]
    if said and None not in said:
        return pd.Series(numbers, dtype=float)
    if {word for word in words if word is not None} <= _TRUTH.keys():
        return pd.Series([_TRUTH.get(str(word)) for word in words], dtype=object)
    return pd.Series(words, dtype=object)
