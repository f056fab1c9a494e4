"""Reading what is more than one answer: documents of one point in time, groups, and their types."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
import structlog
from elasticsearch import Elasticsearch

log = structlog.stdlib.get_logger("prediction_log")

T = TypeVar("T")

PAGE = 5000
KEEP_ALIVE = "2m"


def hits(
    client: Elasticsearch,
    pattern: str,
    filters: Sequence[dict[str, Any]],
    *,
    sort: Sequence[dict[str, Any]],
    columns: Sequence[str] | None = None,
    page: int | None = None,
    part: dict[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """All hits that match, with `_index`, `_id` and `_source`; none if there is no such index.

    Args:
        sort: must end every tie; `_shard_doc` does.
        columns: what of the documents is wanted; None: all; empty: their ids alone.
        part: Elasticsearch's `slice`: only one of several parts of about the same size.
    """
    if not client.indices.exists(index=pattern, allow_no_indices=False):
        return
    pit = client.open_point_in_time(index=pattern, keep_alive=KEEP_ALIVE)["id"]
    size = page or PAGE
    after: list[Any] | None = None
    try:
        while True:
            answer = client.search(
                size=size,
                pit={"id": pit, "keep_alive": KEEP_ALIVE},
                query={"bool": {"filter": list(filters)}},
                sort=list(sort),
                search_after=after,
                slice=part,
                source=False if columns is not None and not columns else None,
                source_includes=list(columns) if columns else None,
                track_total_hits=False,
                filter_path=[
                    "pit_id",
                    *(f"hits.hits.{name}" for name in ("_index", "_id", "_source", "sort")),
                ],
            ).body
            pit = answer.get("pit_id", pit)
            found = answer.get("hits", {}).get("hits", [])
            yield from found
            if len(found) < size:
                return
            after = found[-1]["sort"]
    finally:
        client.close_point_in_time(id=pit)


def buckets(
    client: Elasticsearch,
    pattern: str,
    query: dict[str, Any],
    sources: Sequence[dict[str, Any]],
    figures: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    """All buckets of a composite aggregation over what matches; none if there is no such index.

    Args:
        sources: what documents are grouped by.
        figures: aggregations of each group.
    """
    composite: dict[str, Any] = {"size": PAGE, "sources": list(sources)}
    while True:
        answer = client.search(
            index=pattern,
            size=0,
            query=query,
            aggs={"groups": {"composite": composite, "aggs": figures}},
            filter_path="aggregations.groups",
        ).body
        groups = answer.get("aggregations", {}).get("groups", {})
        found = groups.get("buckets", [])
        yield from found
        if len(found) < PAGE:
            return
        composite = composite | {"after": groups["after_key"]}


def read_as(hit: dict[str, Any], kind: type[T]) -> T | None:
    """The document of a hit; None if it is no such document, as strangers may have written it."""
    try:
        return msgspec.convert(hit.get("_source", {}), kind)
    except msgspec.ValidationError as error:
        log.warning("a document is left out", index=hit["_index"], id=hit["_id"], why=str(error))
        return None
