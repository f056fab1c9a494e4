"""Reading Elasticsearch's answer to a bulk request: done, try again, or refused (pure)."""

from collections.abc import Sequence

from msgspec import Struct

FILTER_PATH = (
    "items.*.status,items.*.error.type,items.*.error.reason,items.*.error.caused_by.reason"
)
"""All we read of an answer; without it every document would come back with its coordinates."""

SUMMARY_PATH = "errors"
"""Whether there is anything to read: the answers to all documents cost as much as making them."""

EXISTS = 409
_REFUSED = range(400, 500)
_TEMPORARY_STATUSES = frozenset({401, 403, 404, 408, 413, 429})
"""4xx that speak of the cluster's state and not of the document: no right to write (yet), an
index block (disk full, read-only), auto-creation switched off, too many requests."""
_TEMPORARY_TYPES = frozenset(
    {"cluster_block_exception", "es_rejected_execution_exception", "validation_exception"}
)
"""`validation_exception` is the limit of shards per node: the document is innocent."""


class Cause(Struct):
    """What lies behind an error."""

    reason: str | None = None


class ItemError(Struct):
    """Why one document was not written."""

    type: str | None = None
    reason: str | None = None
    caused_by: Cause | None = None

    def __str__(self) -> str:
        behind = self.caused_by.reason if self.caused_by else None
        said = self.reason or self.type or "no reason given"
        return f"{said} ({behind})" if behind and behind not in said else said


class Item(Struct):
    """The answer to one document."""

    status: int
    error: ItemError | None = None


class Action(Struct):
    """An item under the name of its action."""

    create: Item | None = None
    update: Item | None = None


class BulkSummary(Struct):
    """The shortest answer to a whole request; `errors` counts documents that are there already."""

    errors: bool


class BulkAnswer(Struct):
    """The filtered answer to a whole request."""

    items: list[Action] = []


class Verdict(Struct):
    """Positions in the request: to send again, and refused for good with the reason."""

    again: list[int]
    refused: dict[int, str]
    complaint: str | None = None


def judge(items: Sequence[Action]) -> Verdict:
    """Sort the documents of a request; those in neither list are in the index (409 included)."""
    verdict = Verdict([], {})
    for position, action in enumerate(items):
        item = action.create or action.update or Item(500)
        # For an update it means that another one was quicker, again and again.
        exists = item.status == EXISTS and action.update is None
        if item.status < 300 or exists:
            continue
        error = item.error or ItemError()
        if item.status == EXISTS or is_temporary(item.status, error):
            verdict.again.append(position)
            verdict.complaint = verdict.complaint or str(error)
        else:
            verdict.refused[position] = str(error)
    return verdict


def is_temporary(status: int, error: ItemError) -> bool:
    """Whether the same document may be taken another time."""
    return status not in _REFUSED or status in _TEMPORARY_STATUSES or error.type in _TEMPORARY_TYPES
