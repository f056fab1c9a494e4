"""Closing a month: all that is kept of it is written, and then that it may go."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.errors import MillraceError
from contracts.packages import Manifest
from contracts.settings import Settings
from contracts.windows import Window
from elk.retention.closed import closed_months
from elk.retention.counting import letters_by_day, predictions_by_day
from elk.retention.due import Group, Kept
from elk.retention.measured import see_to_windows
from elk.watched import Measurable
from prediction_log.bulk import index_lines
from prediction_log.indices import LETTERS, IndexNames
from prediction_log.summary_documents import SummaryDocument, SummaryFigures

_HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}
_AT_ONCE = 1000
_OF_WINDOWS: tuple[Kept, ...] = ("predictions", "outcomes")


class _NeverDeployed(Struct, frozen=True):
    """A model none of whose versions can be measured."""

    name: str
    versions: Mapping[str, Manifest] = {}


def close(
    settings: Settings,
    client: Elasticsearch,
    group: Group,
    watched: Callable[[], Sequence[Measurable]],
) -> int:
    """Write the summaries of what is about to go. A month that is closed stays as it was closed.

    Args:
        watched: gives the models whose packages can be had; asked only if one is needed.

    Returns:
        How many documents were written.

    Raises:
        MillraceError: a summary could not be made; nothing of the group may be deleted.
        ApiError, TransportError: as Elasticsearch's client raises them.
    """
    if group.names("dead-letters"):
        return _close_letters(settings, client, group)
    if group.model is None or group.month is None:
        return 0
    count = 0
    new = [
        kind
        for kind in _OF_WINDOWS
        if group.names(kind)
        and group.month not in closed_months(client, settings, group.model, (kind,))
    ]
    if new:
        model = _model(watched(), group.model)
        drift = "predictions" in new
        count += see_to_windows(settings, client, model, group.month, drift=drift)
    if "predictions" in new:
        days = predictions_by_day(client, group.names("predictions"), group.model)
        count += _write(settings, client, group.model, days)
    for kind in new:
        count += _write(settings, client, group.model, [_month(client, group, kind, group.month)])
    return count


def _close_letters(settings: Settings, client: Elasticsearch, group: Group) -> int:
    if group.month is None:
        days = letters_by_day(client, group.names("dead-letters"), "failed_at")
        return _write(settings, client, LETTERS, days)
    if group.month in closed_months(client, settings, LETTERS, ("dead-letters",)):
        return 0
    days = letters_by_day(client, group.names("dead-letters"), "@timestamp")
    count = _write(settings, client, LETTERS, days)
    month = _month(client, group, "dead-letters", group.month)
    return count + _write(settings, client, LETTERS, [month])


def _model(models: Sequence[Measurable], name: str) -> Measurable:
    return next((model for model in models if model.name == name), _NeverDeployed(name))


def _month(
    client: Elasticsearch, group: Group, kind: Kept, month: Window
) -> tuple[str, SummaryDocument]:
    count = client.count(index=",".join(group.names(kind)))["count"]
    document = SummaryDocument(
        timestamp=month.start,
        window=month,
        summary=SummaryFigures(of="month", kind=kind, count=count),
        computed_at=datetime.now(UTC),
    )
    return f"{kind}-{group.model or LETTERS}-{month.start:%Y.%m}", document


def _write(
    settings: Settings,
    client: Elasticsearch,
    model: str,
    summaries: Iterable[tuple[str, SummaryDocument]],
) -> int:
    """Write them so that they can be found; gives how many they are."""
    names, count, left = IndexNames(settings), 0, iter(summaries)
    while some := list(islice(left, _AT_ONCE)):
        lines = [
            index_lines(names.summaries(model, one.timestamp), name, one) for name, one in some
        ]
        answer = client.perform_request(
            "POST",
            "/_bulk?refresh=true&filter_path=errors,items.*.error.reason",
            headers=_HEADERS,
            body=b"".join(lines),
        ).body
        if answer["errors"]:
            reasons = [item["index"]["error"]["reason"] for item in answer["items"] if item]
            raise MillraceError(f"Elasticsearch refused a summary of '{model}': {reasons[0]}")
        count += len(some)
    return count
