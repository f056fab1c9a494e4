"""Documents of drift: their ids, writing and reading them."""

import hashlib
from collections.abc import Sequence
from typing import Any

from elasticsearch import Elasticsearch

from contracts.errors import MillraceError
from contracts.settings import Settings
from contracts.windows import Window
from prediction_log.bulk import index_lines
from prediction_log.indices import IndexNames
from prediction_log.pages import hits, read_as
from prediction_log.window_documents import DriftDocument

_HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}


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
