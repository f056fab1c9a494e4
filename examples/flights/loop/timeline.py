"""Flights and their landings in the order in which the world learns of them."""

import heapq
from collections.abc import Iterator
from datetime import datetime

from contracts.events import Label, to_datetime
from contracts.feature_schema import FeatureSchema
from examples.flights.stream import FlightStream, Malformed
from producers.replay import Outgoing


class Timeline:
    """A stream of flights, window by window: an event at its departure, its label at its landing.

    Args:
        schema: the features that events carry.
    """

    def __init__(self, stream: FlightStream, schema: FeatureSchema) -> None:
        self._stream = stream
        self._schema = schema
        self._sent = 0
        self._in_the_air: list[tuple[datetime, int, Label]] = []

    @property
    def sent(self) -> int:
        """How many events have been given so far."""
        return self._sent

    def until(self, moment: datetime) -> Iterator[Outgoing | Malformed]:
        """What happens from where it stands to a moment, in the order of its time."""
        end = self._stream.positions_before(moment)
        for item in self._stream.items(self._schema, self._sent, end):
            self._sent += 1
            if isinstance(item, Malformed):
                yield item
                continue
            event, label = item
            yield from self._landed_by(to_datetime(event.occurred_at))
            yield Outgoing(event)
            if label is not None:
                landing = to_datetime(label.occurred_at), self._sent, label
                heapq.heappush(self._in_the_air, landing)
        yield from self._landed_by(moment)

    def _landed_by(self, moment: datetime) -> Iterator[Outgoing]:
        while self._in_the_air and self._in_the_air[0][0] < moment:
            yield Outgoing(None, ((heapq.heappop(self._in_the_air)[2], ()),))
