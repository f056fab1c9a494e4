"""Which rows of a replay Kafka is known to have: all up to the first that is not (pure)."""

from collections import deque
from dataclasses import dataclass, field

from producers.unacknowledged import Delivery

Positions = dict[str, dict[int, int]]
"""Topic -> partition -> offset after the last record that is known to be there."""


class AcknowledgedPrefix:
    """Follows delivery reports, which come in the order of sending.

    A row is done once its event and the labels that are sent with it are acknowledged. A failed
    record ends the prefix for good; what was sent after it is not counted.

    Args:
        first_row: the number of the first row that is sent.
        positions: where the topics stood before.
        mark: a row; `marked` then tells where the topics stood before it.
    """

    def __init__(
        self,
        first_row: int = 0,
        positions: Positions | None = None,
        mark: int | None = None,
    ) -> None:
        self.rows_done = first_row
        self.acknowledged = 0
        """Rows whose event was sent and is there."""
        self.marked: Positions | None = None
        self._mark = mark
        self.positions: Positions = {t: dict(p) for t, p in (positions or {}).items()}
        self.first_failure: Exception | None = None
        self._open: deque[_Row] = deque()

    def begin(self, records: int, *, event: bool = True) -> None:
        """Open the next row, before its records are handed over; `event`: one of them is one."""
        self._open.append(_Row(records, records, event))
        self._note_mark()
        self._advance()

    def withdraw(self, *, event: bool = False) -> None:
        """Take the newest row's last record back: it was refused and never handed over."""
        row = self._open[-1]
        row.expected -= 1
        row.pending -= 1
        row.event &= not event
        self._advance()

    def delivered(self, delivery: Delivery) -> None:
        """Take the next delivery report."""
        self.first_failure = self.first_failure or delivery.error
        if self.first_failure is not None:
            return
        row = self._open[0]
        row.pending -= 1
        row.ends.append((delivery.topic, delivery.partition, delivery.offset + 1))
        self._advance()

    def _advance(self) -> None:
        while self._open and self._open[0].pending == 0 and self.first_failure is None:
            row = self._open.popleft()
            self.rows_done += 1
            self.acknowledged += row.event and row.expected > 0
            # Not before: an event whose label is on its way still has to be found by a resume.
            for topic, partition, end in row.ends:
                self.positions.setdefault(topic, {})[partition] = end
            self._note_mark()

    def _note_mark(self) -> None:
        if self.rows_done == self._mark and self.marked is None:
            self.marked = {topic: dict(ends) for topic, ends in self.positions.items()}


@dataclass(slots=True)
class _Row:
    expected: int
    pending: int
    event: bool
    ends: list[tuple[str, int, int]] = field(default_factory=list)
