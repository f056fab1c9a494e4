"""Writing changes of outcomes: each only if the document is still as it was looked at."""

from collections.abc import Sequence

import msgspec
import structlog
from elasticsearch import Elasticsearch

from contracts.errors import UnreachableError
from elk.bulk_answers import FILTER_PATH, Item, ItemError, is_temporary
from elk.outcomes.changes import Change
from prediction_log.bulk import create_lines, delete_line, replace_lines

log = structlog.stdlib.get_logger("elk")

_HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}
_CONFLICT = 409
_GONE = 404


def write(client: Elasticsearch, wanted: Sequence[Change]) -> list[Change]:
    """Write changes; what Elasticsearch refuses for good is logged and left out.

    Returns:
        Those that were not made, since somebody else was quicker.

    Raises:
        UnreachableError: it does not take one of them now.
        ApiError, TransportError: as the client raises them.
    """
    if not wanted:
        return []
    body = b"".join(map(_lines, wanted))
    answer = client.perform_request(
        "POST", f"/_bulk?filter_path={FILTER_PATH}", headers=_HEADERS, body=body
    ).body
    items = [next(iter(item.values())) for item in answer["items"]]
    conflicts = []
    for change, item in zip(wanted, msgspec.convert(items, list[Item]), strict=True):
        if item.status < 300 or (change.document is None and item.status == _GONE):
            continue
        error = item.error or ItemError()
        if item.status == _CONFLICT:
            conflicts.append(change)
        elif is_temporary(item.status, error):
            raise UnreachableError(f"Elasticsearch does not take outcomes now: {error}")
        else:
            log.error("an outcome was refused, and is left out", id=change.id, why=str(error))
    return conflicts


def _lines(change: Change) -> bytes:
    if change.document is None:
        assert change.seen is not None
        return delete_line(change.seen)
    if change.seen is None:
        return create_lines(change.index, change.id, change.document)
    return replace_lines(change.seen, change.document)
