"""Replay: events and labels from any source through a producer, at a rate, stoppable."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from contracts.errors import DeliveryError, UsageError
from contracts.events import FeatureEvent, Label
from producers.acknowledged_prefix import AcknowledgedPrefix
from producers.client import FeatureProducer, Header
from producers.pacing import Pace

TICK_SECONDS = 0.2
STOP_SECONDS = 10.0
"""How long a stopped replay waits for the acknowledgements of what it has sent."""


Headers = tuple[Header, ...]


class Outgoing(Struct, frozen=True):
    """One row on its way out: an event, unless it is None, and the labels to be sent with it."""

    event: FeatureEvent | None
    labels: tuple[tuple[Label, Headers], ...] = ()
    headers: Headers = ()


class Progress(Struct, frozen=True):
    """How far a replay is. Counts are of this run."""

    sent: int
    acknowledged: int
    refused: int
    seconds: float

    @property
    def rate(self) -> float:
        """Acknowledged events per second since the start."""
        return self.acknowledged / self.seconds if self.seconds else 0.0


class Result(Struct, frozen=True, kw_only=True):
    """What a replay came to. `failure`: why it ended early, if not by being stopped."""

    sent: int
    acknowledged: int
    labels: int
    refused: int
    first_refusal: str | None
    unacknowledged: int
    failure: str | None
    stopped: bool
    seconds: float


def replay(
    events: Iterable[tuple[FeatureEvent, Label | None]],
    producer: FeatureProducer,
    *,
    rate: float | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> Result:
    """Send events and labels in the order given and wait for their acknowledgement.

    Args:
        rate: events per second; default: as fast as Kafka takes them.
        on_progress: called about five times a second, from this thread.
        stop: set it (from a signal handler, another thread or `on_progress`) to end early.

    Returns:
        The counts. A record that Kafka did not acknowledge ends the replay (`failure`); an
        event the producer refuses is counted and left out.
    """
    return Replay(AcknowledgedPrefix(), rate, on_progress, stop).run(
        (Outgoing(event, ((label, ()),) if label else ()) for event, label in events), producer
    )


class Replay:
    """One run of a replay; `prefix` tells afterwards, and meanwhile, what Kafka has."""

    def __init__(
        self,
        prefix: AcknowledgedPrefix,
        rate: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        self._prefix = prefix
        self._pace = Pace(rate) if rate is not None else None
        self._on_progress = on_progress
        self._stop = stop or threading.Event()
        self._began = self._ticked = time.monotonic()
        self._sent = self._labels = self._refused = 0
        self._first_refusal: str | None = None

    def run(self, rows: Iterable[Outgoing], producer: FeatureProducer) -> Result:
        """Send the rows, then wait until all are acknowledged or one failed."""
        failure = None
        try:
            for row in self._admitted(rows, producer):
                self._send(row, producer)
            self._drain(producer)
        except DeliveryError as error:
            failure = str(error)
        if self._prefix.first_failure is not None:
            failure = str(self._prefix.first_failure)
        unacknowledged = self._sent - self._prefix.acknowledged
        if unacknowledged and failure is None:
            failure = f"no acknowledgement within {STOP_SECONDS:g} s of the stop"
        self._show()
        return Result(
            sent=self._sent,
            acknowledged=self._prefix.acknowledged,
            labels=self._labels,
            refused=self._refused,
            first_refusal=self._first_refusal,
            unacknowledged=unacknowledged,
            failure=failure,
            stopped=self._stop.is_set(),
            seconds=time.monotonic() - self._began,
        )

    def _admitted(self, rows: Iterable[Outgoing], producer: FeatureProducer) -> Iterator[Outgoing]:
        """Rows, each when its time has come and there is room; ends when stopped or failed."""
        for row in rows:
            while not self._over and self._pace is not None and (due := self._pace.delay()) > 0:
                self._stop.wait(min(due, TICK_SECONDS))
                self._tick(producer)
            while not self._over and not producer.wait_for_room(TICK_SECONDS):
                self._tick(producer)
            if self._over:
                return
            yield row
            if self._pace is not None:
                self._pace.sent()
            self._tick(producer)

    def _send(self, row: Outgoing, producer: FeatureProducer) -> None:
        prefix = self._prefix
        has_event = row.event is not None
        prefix.begin(has_event + len(row.labels), event=has_event)
        if row.event is not None:
            try:
                producer.send(row.event, headers=row.headers, on_delivery=prefix.delivered)
                self._sent += 1
            except UsageError as error:
                self._refuse(error, event=True)
        for label, headers in row.labels:
            try:
                producer.send_label(label, headers=headers, on_delivery=prefix.delivered)
                self._labels += 1
            except UsageError as error:
                self._refuse(error, event=False)

    def _refuse(self, error: UsageError, *, event: bool) -> None:
        self._refused += 1
        self._first_refusal = self._first_refusal or str(error)
        self._prefix.withdraw(event=event)

    def _drain(self, producer: FeatureProducer) -> None:
        """Wait for what is unacknowledged; not for long if somebody wants us to stop."""
        began_stopping: float | None = None
        while producer.unacknowledged and self._prefix.first_failure is None:
            producer.wait_until_acknowledged(TICK_SECONDS)
            producer.poll()
            self._tick(producer)
            if self._stop.is_set():
                began_stopping = began_stopping or time.monotonic()
                if time.monotonic() - began_stopping > STOP_SECONDS:
                    return

    @property
    def _over(self) -> bool:
        return self._stop.is_set() or self._prefix.first_failure is not None

    def _tick(self, producer: FeatureProducer) -> None:
        now = time.monotonic()
        if now - self._ticked < TICK_SECONDS:
            return
        self._ticked = now
        producer.poll()
        self._show()

    def _show(self) -> None:
        if self._on_progress is not None:
            seconds = time.monotonic() - self._began
            self._on_progress(
                Progress(self._sent, self._prefix.acknowledged, self._refused, seconds)
            )
