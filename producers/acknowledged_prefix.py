"""Which rows of a replay Kafka is known to have: all up to the first that is not (pure)."""

from collections import deque
from dataclasses import dataclass, field

from producers.unacknowledged import Delivery

Positions = dict[str, dict[int, int]]
"""Topic -> partition -> offset after the last record that is known to be there."""


class AcknowledgedPrefix:
    """Follows delivery reports, which come in the order of sending.

    A row is done once its event and, if it has one, its label are acknowledged. A failed
    record ends the prefix for good; what was sent after it is not counted.

    Args:
        first_row: the number of the first row that is sent.
        positions: where the topics stood before.
    """

    def __init__(self, first_row: int = 0, positions: Positions | None = None) -> None:
        self.rows_done = first_row
        self.acknowledged = 0
        self.positions: Positions = {t: dict(p) for t, p in (positions or {}).items()}
        self.first_failure: Exception | None = None
        self._open: deque[_Row] = deque()

    def begin(self, records: int) -> None:
        """Open the next row, before its records are handed over."""
        self._open.append(_Row(records, records))
        self._advance()

    def withdraw(self) -> None:
        """Take the newest row's last record back: it was refused and never handed over."""
        self._open[-1].expected -= 1
        self._open[-1].pending -= 1
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
            self.acknowledged += row.expected > 0
            # Not before: an event whose label is on its way still has to be found by a resume.
            for topic, partition, end in row.ends:
                self.positions.setdefault(topic, {})[partition] = end


@dataclass(slots=True)
class _Row:
    expected: int
    pending: int
    ends: list[tuple[str, int, int]] = field(default_factory=list)
