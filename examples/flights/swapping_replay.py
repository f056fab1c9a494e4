"""Stream the flights, and half way publish a second version while they flow."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from multiprocessing import get_context

from msgspec import Struct

from contracts.errors import MillraceError
from contracts.events import FeatureEvent, Label
from contracts.feature_schema import FeatureSchema
from contracts.settings import Settings
from examples.flights.live import Live
from examples.flights.recipes import MODEL, recipe
from examples.flights.show import Show
from examples.flights.stream import FlightStream, Malformed
from producers.client import FeatureProducer
from producers.replay import Progress, replay
from trainer import Recipe, TrainedVersion, publish, train

HALF_WAY = 0.5
HOLD_BACK_FROM = 0.75
"""The share of events after which the replay waits until the second version serves."""

_TRAIN_ON = timedelta(days=60)
_TRAINING_SECONDS = 20.0
"""Events from `HALF_WAY` to `HOLD_BACK_FROM` are spread over about the time that training takes,
so that the swap happens while events flow."""


class Swap(Struct, frozen=True):
    """The change of versions. `seconds`: from publishing until the running worker answered with
    the new one, as seen on `predictions`."""

    before: str
    after: str
    seconds: float


class SwappingReplay:
    """One replay of a stream of flights, with a change of versions in it."""

    def __init__(
        self,
        settings: Settings,
        stream: FlightStream,
        producer: FeatureProducer,
        live: Live,
        rate: float,
        show: Show,
    ) -> None:
        self._settings = settings
        self._stream = stream
        self._producer = producer
        self._live = live
        self._rate = rate
        self._show = show
        self._swapped = threading.Event()
        self._swap_seconds = 0.0
        self.labels = 0
        self.seconds = 0.0

    def run(self, first: TrainedVersion) -> Swap:
        """Send everything.

        Raises:
            MillraceError: Kafka did not take the events, or no worker swapped in time.
        """
        total = len(self._stream)
        half, held = int(total * HALF_WAY), int(total * HOLD_BACK_FROM)
        schema = first.manifest.schema
        began = time.monotonic()
        with self._show.replay(total, self._live) as advance, ThreadPoolExecutor(1) as pool:
            self._send(schema, (0, half), self._rate, advance)
            second = pool.submit(self._bring_second, self._stream.time_at(half))
            slow = min(self._rate, max(1.0, (held - half) / _TRAINING_SECONDS))
            sent = self._send(schema, (half, held), slow, advance, until=self._swapped)
            version = second.result()
            self._send(schema, (half + sent, total), self._rate, advance)
        self.seconds = time.monotonic() - began
        return Swap(first.version, version, round(self._swap_seconds, 2))

    def _bring_second(self, now: datetime) -> str:
        """Train on the two months before `now`, publish, and wait until it is swapped in."""
        try:
            version = _train_beside(recipe(now - _TRAIN_ON, now), self._settings)
            began = time.monotonic()
            publish(self._settings, MODEL, version, reason="newer months")
            self._live.wait_for_swap(version)
            self._swap_seconds = time.monotonic() - began
            return version
        finally:
            self._swapped.set()

    def _send(
        self,
        schema: FeatureSchema,
        span: tuple[int, int],
        rate: float,
        advance: Callable[[int], None],
        until: threading.Event | None = None,
    ) -> int:
        """Send the events at positions of a span; gives how many were sent."""
        start, end = span
        malformed = 0

        def rows() -> Iterator[tuple[FeatureEvent, Label | None]]:
            nonlocal malformed
            for item in self._stream.items(schema, start, end):
                if isinstance(item, Malformed):
                    self._producer.send_encoded(item.key, item.value)
                    malformed += 1
                else:
                    yield item

        def progress(done: Progress) -> None:
            advance(start + done.sent + malformed)

        result = replay(rows(), self._producer, rate=rate, on_progress=progress, stop=until)
        if result.failure is not None:
            raise MillraceError(result.failure)
        self.labels += result.labels
        advance(start + result.sent + malformed)
        return result.sent + malformed


def _train_beside(wanted: Recipe, settings: Settings) -> str:
    """Train in a process of its own, as a trainer would: here it would hold up the sending, and
    that would count as latency."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_train_version, wanted, settings).result()


def _train_version(wanted: Recipe, settings: Settings) -> str:
    return train(wanted, settings).version
