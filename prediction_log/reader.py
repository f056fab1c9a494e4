"""Reading documents back as a data frame: one row per document, one column per leaf."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from contracts.settings import Settings
from prediction_log.client import connect, translated
from prediction_log.indices import IndexNames, Kind
from prediction_log.pages import hits

_ORDER = ({"@timestamp": "asc"}, {"_shard_doc": "asc"})
TIMES = ("@timestamp", "predicted_at", "failed_at")


def read(
    settings: Settings,
    model: str | None = None,
    *,
    kind: Kind = "predictions",
    start: datetime | None = None,
    end: datetime | None = None,
    columns: Sequence[str] | None = None,
    where: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Read all documents that match, in the order of `@timestamp`.

    Args:
        model: only this model; None reads all.
        start: inclusive, in event time.
        end: exclusive, in event time.
        columns: dotted names of leaves or of objects (then all their leaves); None gives all.
        where: exact values that keyword fields must have, e.g. `{"model.role": "champion"}`.

    Returns:
        n rows; columns are dotted names (`event.id`, `prediction.probabilities.late`), in the
        order asked for, with missing values where a document lacks them; times are UTC.

    Raises:
        UnreachableError: Elasticsearch does not answer.
        MillraceError: Elasticsearch refused.
    """
    filters: list[dict[str, Any]] = [{"term": {k: v}} for k, v in (where or {}).items()]
    if model is not None:
        filters.append({"term": {"model.name": model}})
    span = {"gte": start, "lt": end}
    limits = {name: moment.isoformat() for name, moment in span.items() if moment is not None}
    if limits:
        filters.append({"range": {"@timestamp": limits}})
    client = connect(settings, connections=1)
    try:
        with translated(settings):
            pattern = IndexNames(settings).pattern(kind, model)
            found = hits(client, pattern, filters, sort=_ORDER, columns=columns)
            rows = [_flat(hit.get("_source", {})) for hit in found]
    finally:
        client.close()
    return _frame(rows, columns)


def _flat(node: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in node.items():
        if isinstance(value, dict):
            row.update(_flat(value, f"{prefix}{name}."))
        else:
            row[prefix + name] = value
    return row


def _frame(rows: list[dict[str, Any]], columns: Sequence[str] | None) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    if columns is not None:
        ordered: list[str] = []
        for column in columns:
            leaves = [name for name in frame.columns if name.startswith(column + ".")]
            ordered += [column] if column in frame.columns or not leaves else leaves
        frame = frame.reindex(columns=list(dict.fromkeys(ordered)))
    for name in TIMES:
        if name in frame.columns:
            frame[name] = pd.to_datetime(frame[name], format="ISO8601", utc=True)
    return frame
