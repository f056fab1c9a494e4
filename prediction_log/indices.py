"""Names of indices and ids of documents: both follow from the event alone, so that a replay
meets its own document again."""

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Literal, get_args

from contracts.events import ModelRef, Source
from contracts.settings import Settings

IndexedKind = Literal[
    "predictions", "labels", "dead-letters", "model-events", "operations", "alerts"
]
DerivedKind = Literal["outcomes", "drift", "performance", "summaries"]
Kind = IndexedKind | DerivedKind
KINDS: tuple[IndexedKind, ...] = get_args(IndexedKind)
"""Kinds whose documents stand for a record of Kafka."""
DERIVED_KINDS: tuple[DerivedKind, ...] = get_args(DerivedKind)
"""Kinds that are computed from others."""
_OF_A_MODEL = ("predictions", "labels", *DERIVED_KINDS)
REPLAYS = "replays"
"""What became of dead letters that were replayed."""

LETTERS = "dead_letters"
"""What summaries of dead letters have in place of a model: many a letter is of none."""

UNDATED = "undated"
_DATED = (2020, 2099)
"""Years of send times that are believed. Any client may write any time into a record; each month
of it would be an index of its own."""


class IndexNames:
    """The indices of one installation.

    All times must carry a zone; what counts is the date in UTC.
    """

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.index_prefix
        self._daily = settings.index_granularity == "day"
        self._of_model = lru_cache(maxsize=10_000)(self._join)

    def predictions(self, model: str, occurred_at: datetime) -> str:
        """`millrace-predictions-<model>-<yyyy.MM>` by event time."""
        return self._of_model("predictions", model, _date(occurred_at))

    def labels(self, model: str, occurred_at: datetime) -> str:
        """`millrace-labels-<model>-<yyyy.MM>` by the time the label speaks of."""
        return self._of_model("labels", model, _date(occurred_at))

    def outcomes(self, model: str, occurred_at: datetime) -> str:
        """`millrace-outcomes-<model>-<yyyy.MM>` by event time, as the prediction's."""
        return self._of_model("outcomes", model, _date(occurred_at))

    def drift(self, model: str, start: datetime) -> str:
        """`millrace-drift-<model>-<yyyy>` by the start of the window."""
        return f"{self._prefix}-drift-{model}-{start.astimezone(UTC).year:04}"

    def performance(self, model: str, start: datetime) -> str:
        """`millrace-performance-<model>-<yyyy>` by the start of the window."""
        return f"{self._prefix}-performance-{model}-{start.astimezone(UTC).year:04}"

    def summaries(self, model: str, day: datetime) -> str:
        """`millrace-summaries-<model>-<yyyy>`; of dead letters the model is `dead_letters`."""
        return f"{self._prefix}-summaries-{model}-{day.astimezone(UTC).year:04}"

    def alerts(self, at: datetime) -> str:
        """`millrace-alerts-<yyyy>`."""
        return f"{self._prefix}-alerts-{at.astimezone(UTC).year:04}"

    def dead_letters(self, sent_at: datetime) -> str:
        """`millrace-dead-letters-<yyyy.MM>` by the send time, which a redelivery does not
        change; `-undated` where that time is not credible."""
        return self._monthly("dead-letters", sent_at)

    def operations(self, at: datetime) -> str:
        """`millrace-operations-<yyyy.MM>`, `-undated` as for dead letters."""
        return self._monthly("operations", at)

    @property
    def replays(self) -> str:
        """`millrace-replays-dead-letters`: one index, where the id of a letter is there once."""
        return f"{self._prefix}-{REPLAYS}-dead-letters"

    def model_events(self, at: datetime) -> str:
        """`millrace-model-events-<yyyy>`."""
        return f"{self._prefix}-model-events-{at.astimezone(UTC).year:04}"

    def pattern(self, kind: Kind, model: str | None = None) -> str:
        """All indices of a kind, or those of one model; model names hold no hyphen, so that no
        pattern matches another model's."""
        of_model = f"{model}-" if model and kind in _OF_A_MODEL else ""
        return f"{self._prefix}-{kind}-{of_model}*"

    def _monthly(self, kind: Kind, moment: datetime) -> str:
        moment = moment.astimezone(UTC)
        if not _DATED[0] <= moment.year <= _DATED[1]:
            return f"{self._prefix}-{kind}-{UNDATED}"
        return f"{self._prefix}-{kind}-{moment.year:04}.{moment.month:02}"

    def _join(self, kind: Kind, model: str, day: date) -> str:
        dated = f"{day.year:04}.{day.month:02}" + (f".{day.day:02}" if self._daily else "")
        return f"{self._prefix}-{kind}-{model}-{dated}"


def coordinates_id(source: Source) -> str:
    """`<topic id>-<partition>-<offset>`: a place in Kafka, also after the topic is re-created."""
    return f"{source.topic_id}-{source.partition}-{source.offset}"


def prediction_id(source: Source, model: ModelRef) -> str:
    """The event's coordinates and a slot: `serving`, or `shadow-<version>`."""
    slot = f"shadow-{model.version}" if model.role == "shadow" else "serving"
    return f"{coordinates_id(source)}-{slot}"


def _date(moment: datetime) -> date:
    return (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).date()
