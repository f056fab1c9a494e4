"""Reading documents back as a data frame: one row per document, one column per leaf."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from elasticsearch import Elasticsearch

from contracts.settings import Settings
from prediction_log.client import connect, translated
from prediction_log.indices import IndexNames, Kind

PAGE = 5000
KEEP_ALIVE = "2m"
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
            rows = [_flat(source) for source in _sources(client, pattern, filters, columns)]
    finally:
        client.close()
    return _frame(rows, columns)


def _sources(
    client: Elasticsearch,
    pattern: str,
    filters: list[dict[str, Any]],
    columns: Sequence[str] | None,
) -> Iterator[dict[str, Any]]:
    """Page through a point in time, so that what is indexed meanwhile changes nothing."""
    if not client.indices.exists(index=pattern, allow_no_indices=False):
        return
    pit = client.open_point_in_time(index=pattern, keep_alive=KEEP_ALIVE)["id"]
    after: list[Any] | None = None
    try:
        while True:
            answer = client.search(
                size=PAGE,
                pit={"id": pit, "keep_alive": KEEP_ALIVE},
                query={"bool": {"filter": filters}},
                sort=[{"@timestamp": "asc"}, {"_shard_doc": "asc"}],
                search_after=after,
                source_includes=None if columns is None else list(columns),
                track_total_hits=False,
                filter_path=["pit_id", "hits.hits._source", "hits.hits.sort"],
            ).body
            pit = answer.get("pit_id", pit)
            hits = answer.get("hits", {}).get("hits", [])
            for hit in hits:
                yield hit.get("_source", {})
            if len(hits) < PAGE:
                return
            after = hits[-1]["sort"]
    finally:
        client.close_point_in_time(id=pit)


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
