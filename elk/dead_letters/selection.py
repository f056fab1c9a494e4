"""Which dead letters an operator means, as a query (pure)."""

from datetime import datetime
from typing import Any

from msgspec import Struct

ABSENT = "-"
"""How letters without a model are selected and shown."""

MODEL_FIELD = "model.name"
GROUP_FIELDS = {
    "reason": "dead_letter.reason",
    "model": MODEL_FIELD,
    "producer": "dead_letter.producer",
    "stage": "dead_letter.stage",
}
"""What letters can be grouped by, and where it stands in the document."""

Query = dict[str, Any]


class Selection(Struct, frozen=True, kw_only=True):
    """Conditions that must all hold; of several values of one, any.

    Attributes:
        since, until: when the record was set aside; inclusive and exclusive.
    """

    reasons: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    producers: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_everything(self) -> bool:
        """Whether it has no condition at all."""
        return self == Selection()


def filters(selection: Selection) -> list[Query]:
    """The conditions as filters of Elasticsearch."""
    found: list[Query] = []
    for name, values in (
        ("reason", selection.reasons),
        ("producer", selection.producers),
        ("stage", selection.stages),
    ):
        if values:
            found.append({"terms": {GROUP_FIELDS[name]: list(values)}})
    if selection.models:
        found.append(_of_models(selection.models))
    if selection.ids:
        found.append({"ids": {"values": list(selection.ids)}})
    limits = {"gte": selection.since, "lt": selection.until}
    given = {name: moment.isoformat() for name, moment in limits.items() if moment}
    if given:
        found.append({"range": {"failed_at": given}})
    return found


def _of_models(models: tuple[str, ...]) -> Query:
    named: Query = {"terms": {MODEL_FIELD: [model for model in models if model != ABSENT]}}
    if ABSENT not in models:
        return named
    without: Query = {"bool": {"must_not": [{"exists": {"field": MODEL_FIELD}}]}}
    return {"bool": {"should": [named, without]}}
