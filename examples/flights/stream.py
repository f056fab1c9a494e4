"""The demonstration's events: flights from March on, spread evenly, a few of them malformed."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import numpy as np
import pandas as pd
from msgspec import Struct

from contracts.events import FeatureEvent, Label
from contracts.feature_schema import FeatureSchema
from contracts.tabular import feature_columns
from examples.flights.data import flights, stationary_flights
from examples.flights.recipes import MODEL

FIRST = datetime(2013, 3, 1, tzinfo=UTC)
LAST = datetime(2014, 1, 2, tzinfo=UTC)
"""No flight of 2013 left later, in UTC."""
_CHUNK = 5_000


class Malformed(Struct, frozen=True):
    """A record as broken systems send them."""

    key: bytes
    value: bytes


Item = tuple[FeatureEvent, Label | None] | Malformed


class FlightStream:
    """A fixed number of events in the order of their departure.

    Args:
        count: exactly how many, malformed ones included; None: all flights from March on.
        run: put before every event id, so that two runs never share one.
        stationary: flights of a year without drift.
        model: that the events name.
    """

    def __init__(
        self, count: int | None, run: str, *, stationary: bool = False, model: str = MODEL
    ) -> None:
        everything = (stationary_flights if stationary else flights)(start=FIRST)
        count = len(everything) if count is None else min(count, len(everything))
        chosen = np.linspace(0, len(everything) - 1, count).astype(int)
        self._flights = everything.iloc[chosen].reset_index(drop=True)
        self._run = run
        self._model = model
        self._malformed = _places_of_malformed(count)

    def __len__(self) -> int:
        return len(self._flights)

    @property
    def malformed(self) -> int:
        """How many of the events are malformed."""
        return len(self._malformed)

    def time_at(self, position: int) -> datetime:
        """When the event at a position occurred."""
        moment: datetime = self._flights["occurred_at"].iloc[position].to_pydatetime()
        return moment

    def positions_before(self, moment: datetime) -> int:
        """How many of the events occur before a moment."""
        return int(self._flights["occurred_at"].searchsorted(moment))

    def items(self, schema: FeatureSchema, start: int, end: int) -> Iterator[Item]:
        """The events at positions [start, end), with a model's features and their labels."""
        for first in range(start, end, _CHUNK):
            rows = self._flights.iloc[first : min(first + _CHUNK, end)]
            cells = zip(
                rows["event_id"].tolist(),
                rows["entity_id"].tolist(),
                rows["occurred_at"].tolist(),
                rows["landed_at"].tolist(),
                rows["label"].tolist(),
                zip(*feature_columns(rows, schema.features), strict=True),
                strict=True,
            )
            for offset, (event_id, entity_id, occurred_at, landed_at, late, values) in enumerate(
                cells
            ):
                event = FeatureEvent(
                    event_id=f"{self._run}-{event_id}",
                    entity_id=entity_id,
                    occurred_at=occurred_at.to_pydatetime(),
                    model=self._model,
                    features=dict(zip(schema.names, values, strict=True)),
                )
                broken = self._malformed.get(first + offset)
                if broken is not None:
                    yield _break(event, broken)
                else:
                    yield event, self._label(event, landed_at, late)

    def _label(
        self, event: FeatureEvent, landed_at: pd.Timestamp, late: bool | None
    ) -> Label | None:
        """Cancelled and diverted flights have none."""
        if not isinstance(late, bool):
            return None
        known_at = landed_at.to_pydatetime()
        return Label(event_id=event.event_id, model=self._model, label=late, occurred_at=known_at)


_KINDS = ("cut off", "text for a number", "milliseconds", "unknown model", "no features")


def _places_of_malformed(count: int) -> dict[int, str]:
    """Position -> kind; about one event in a thousand, but at least one of each kind."""
    wanted = min(count // 2, max(len(_KINDS), count // 1000))
    places: Sequence[int] = np.linspace(0, count - 1, wanted + 2).astype(int)[1:-1].tolist()
    return {place: _KINDS[n % len(_KINDS)] for n, place in enumerate(places)}


def _break(event: FeatureEvent, kind: str) -> Malformed:
    key = event.entity_id.encode()
    body = msgspec.to_builtins(event)
    if kind == "cut off":
        return Malformed(key, msgspec.json.encode(event)[:-20])
    if kind == "text for a number":
        body["features"] = {**body["features"], "distance": "far"}
    elif kind == "milliseconds":
        body["occurred_at"] = datetime.fromisoformat(body["occurred_at"]).timestamp() * 1000
    elif kind == "unknown model":
        body["model"] = "flight_delay"
    else:
        del body["features"]
    return Malformed(key, msgspec.json.encode(body))
