"""Documents of drift: their ids, writing them, and what of them is there already."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.errors import MillraceError
from contracts.settings import Settings
from contracts.windows import EPOCH, Window
from prediction_log.bulk import index_lines
from prediction_log.indices import IndexNames
from prediction_log.pages import buckets, hits, read_as
from prediction_log.window_documents import DriftDocument

_HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}


class Written(Struct, frozen=True):
    """What the documents of a window say: how many there are, and of how many rows."""

    documents: int
    least_rows: int
    most_rows: int


def document_id(document: DriftDocument) -> str:
    """The same whenever the window is looked at, so that it is overwritten."""
    model, start = document.model, int(document.window.start.timestamp())
    signal = hashlib.sha256(document.verdict.signal.encode()).hexdigest()[:12]
    return f"{model.name}-{model.version}-{model.role}-{start}-{signal}"


def write(client: Elasticsearch, settings: Settings, documents: Sequence[DriftDocument]) -> None:
    """Write the documents of a window.

    Raises:
        MillraceError: Elasticsearch refused one.
    """
    names = IndexNames(settings)
    lines = [
        index_lines(names.drift(one.model.name, one.window.start), document_id(one), one)
        for one in documents
    ]
    answer = client.perform_request(
        "POST",
        "/_bulk?filter_path=errors,items.*.error.reason",
        headers=_HEADERS,
        body=b"".join(lines),
    ).body
    if answer["errors"]:
        reasons = [
            item["index"]["error"]["reason"]
            for item in answer["items"]
            if "error" in item.get("index", {})
        ]
        raise MillraceError(f"Elasticsearch refused a document of drift: {reasons[0]}")


def written(
    client: Elasticsearch, settings: Settings, model: str
) -> dict[tuple[datetime, str, str], Written]:
    """Start of a window, version and role -> what is there of a model."""
    pattern = IndexNames(settings).pattern("drift", model)
    client.indices.refresh(index=pattern)
    sources = [
        {"start": {"terms": {"field": "window.start"}}},
        {"version": {"terms": {"field": "model.version"}}},
        {"role": {"terms": {"field": "model.role"}}},
    ]
    figures = {"least": {"min": {"field": "rows"}}, "most": {"max": {"field": "rows"}}}
    found: dict[tuple[datetime, str, str], Written] = {}
    for bucket in buckets(client, pattern, {"match_all": {}}, sources, figures):
        key = bucket["key"]
        rows = (int(bucket[name]["value"] or 0) for name in figures)
        start = EPOCH + timedelta(milliseconds=key["start"])
        found[start, key["version"], key["role"]] = Written(bucket["doc_count"], *rows)
    return found


def read(
    client: Elasticsearch,
    settings: Settings,
    model: str,
    version: str,
    role: str,
    windows: Sequence[Window],
) -> list[DriftDocument]:
    """The documents of some windows, in no order."""
    starts = [window.start.isoformat() for window in windows]
    filters: list[dict[str, Any]] = [
        {"term": {"model.version": version}},
        {"term": {"model.role": role}},
        {"terms": {"window.start": starts}},
    ]
    pattern = IndexNames(settings).pattern("drift", model)
    found = hits(client, pattern, filters, sort=({"_shard_doc": "asc"},))
    documents = (read_as(hit, DriftDocument) for hit in found)
    return [document for document in documents if document is not None]
