"""Labels that are known some time after their events, sent when the stream has got there (pure)."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from contracts.events import FeatureEvent, Label

Row = int
Events = Iterable[tuple[FeatureEvent, Label | None]]


def with_labels_due(
    events: Events, first: Row, rows: int, delay: timedelta
) -> Iterator[tuple[FeatureEvent, list[tuple[Row, Label]]]]:
    """Events from row `first` on, each with the labels that are due by its time, and their rows.

    Args:
        events: in the order of their times, which are datetimes where there is a delay. Without a
            delay they begin at row `first`, with one at row 0: labels of earlier rows are due yet.
        rows: how many there are; what is left is due with the last.
        delay: between an event and its label, which then has occurred so much later.
    """
    if not delay:
        for row, (event, label) in enumerate(events, first):
            yield event, [(row, label)] if label else []
        return
    waiting: deque[tuple[datetime, Row, Label]] = deque()
    for row, (event, label) in enumerate(events):
        assert isinstance(event.occurred_at, datetime)
        if label is not None:
            known = event.occurred_at + delay
            waiting.append((known, row, msgspec.structs.replace(label, occurred_at=known)))
        due = []
        while waiting and (waiting[0][0] <= event.occurred_at or row == rows - 1):
            due.append(waiting.popleft()[1:])
        if row >= first:
            yield event, due
