"""Which indices are older than what is kept, by their names (pure)."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, get_args

from msgspec import Struct

from contracts.settings import Settings
from contracts.windows import Window
from elk.retention.months import kept_from, month_of
from prediction_log.indices import UNDATED

Kept = Literal["predictions", "labels", "outcomes", "dead-letters", "operations"]
KEPT: tuple[Kept, ...] = get_args(Kept)
"""Kinds that grow with the events. All others are small, and say what became of models."""
_MONTH = r"(?P<year>\d{4})\.(?P<month>0[1-9]|1[0-2])"
_OF_EVENTS = rf"(?P<kind>predictions|labels|outcomes)-(?P<model>[a-z][a-z0-9_]*)-{_MONTH}(\.\d\d)?"
_OTHERS = rf"(?P<kind>dead-letters|operations)-(?:{_MONTH}|{UNDATED})"


class DatedIndex(Struct, frozen=True, kw_only=True):
    """An index of ours.

    Args:
        model: none for dead letters and operations.
        month: that its name says, also where it is of a day; none: `undated`.
    """

    name: str
    kind: Kept
    model: str | None = None
    month: Window | None = None


class Group(Struct, frozen=True, kw_only=True):
    """Indices that go together or not at all: those of a month of a model; each of the others is
    alone."""

    model: str | None
    month: Window | None
    indices: tuple[DatedIndex, ...]

    def names(self, kind: Kept) -> list[str]:
        """Of the indices of a kind."""
        return [index.name for index in self.indices if index.kind == kind]


def months_kept(settings: Settings) -> dict[Kept, int]:
    """Kind -> months, of those that are not kept for ever."""
    wanted: dict[Kept, int | None] = {
        "predictions": settings.keep_months_predictions,
        "labels": settings.keep_months_labels,
        "outcomes": settings.keep_months_outcomes,
        "dead-letters": settings.keep_months_dead_letters,
        "operations": settings.keep_months_operations,
    }
    return {kind: months for kind, months in wanted.items() if months is not None}


def dated(prefix: str, name: str) -> DatedIndex | None:
    """Read a name; None: the index is of a kind that is kept for ever, or none of ours."""
    if not name.startswith(f"{prefix}-"):
        return None
    rest = name[len(prefix) + 1 :]
    found = re.fullmatch(_OF_EVENTS, rest) or re.fullmatch(_OTHERS, rest)
    if found is None or found["year"] == "0000":
        return None
    said = found.groupdict()
    return DatedIndex(
        name=name,
        kind=next(kind for kind in KEPT if kind == said["kind"]),
        model=said.get("model"),
        month=month_of(int(said["year"]), int(said["month"])) if said["year"] else None,
    )


def due(
    indices: Iterable[DatedIndex],
    newest: Mapping[str, datetime],
    keep: Mapping[Kept, int],
    now: datetime,
) -> list[Group]:
    """What is to go, oldest first.

    Args:
        newest: undated index -> its newest document; one that is not in it stays.
        keep: months by kind; a kind that is not in it is kept for ever.
    """
    groups: dict[tuple[str, str], list[DatedIndex]] = {}
    for index in indices:
        if index.kind not in keep:
            continue
        kept = kept_from(now, keep[index.kind])
        old = index.month.end <= kept if index.month else newest.get(index.name, now) < kept
        if old:
            when = index.month.start.isoformat() if index.month else UNDATED
            groups.setdefault((when, index.model or index.name), []).append(index)
    return [
        Group(model=those[0].model, month=those[0].month, indices=tuple(those))
        for _, those in sorted(groups.items())
    ]
