"""What the demonstration shows while it runs: read from the topics, as any consumer could."""

import threading
import time
from collections import deque
from collections.abc import Sequence

import numpy as np
from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from msgspec import Struct

from contracts.consumers import python_consumer
from contracts.errors import MillraceError
from contracts.events import Latency, ModelRef
from contracts.model_events import ModelEvent
from contracts.settings import Settings
from contracts.topics import Topics
from examples.flights.decoding import decoded

_WINDOW_SECONDS = 5.0
_SWAP_SECONDS = 60.0
_EVERY = 8
"""One prediction in so many is decoded: the watcher must not slow down what it watches."""


class _Seen(Struct, frozen=True):
    model: ModelRef
    latency: Latency


class Reading(Struct, frozen=True):
    """Figures of the last seconds; latencies in milliseconds, None before the first one."""

    predictions: int
    per_second: float
    p50: float | None
    p99: float | None
    version: str | None


class Live:
    """Follows `predictions` from where it stands now, in a thread of its own."""

    def __init__(self, settings: Settings, model: str) -> None:
        self._model = model
        self._consumer = python_consumer(settings, max_poll_records=5000)
        topics = Topics(settings)
        self._events_topic = topics.model_events.name
        assigned = [
            TopicPartition(topic, number)
            for topic in (topics.predictions.name, topics.model_events.name)
            for number in sorted(self._consumer.partitions_for_topic(topic) or ())
        ]
        self._consumer.assign(assigned)
        self._consumer.seek_to_end(*assigned)
        for partition in assigned:
            self._consumer.position(partition)  # now, not at the first poll
        self._lock = threading.Lock()
        self._count = 0
        self._recent: deque[tuple[float, int, list[float]]] = deque()
        self._version: str | None = None
        self._swapped = threading.Condition()
        self._serving: set[str | None] = set()
        self._sequence = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="live", daemon=True)
        self._thread.start()

    def reading(self) -> Reading:
        """The figures now."""
        with self._lock:
            horizon = time.monotonic() - _WINDOW_SECONDS
            while self._recent and self._recent[0][0] < horizon:
                self._recent.popleft()
            latencies = [value for _, _, values in self._recent for value in values]
            rate = sum(count for _, count, _ in self._recent) / _WINDOW_SECONDS
            p50, p99 = np.percentile(latencies, [50, 99]) if latencies else (None, None)
            return Reading(self._count, rate, p50, p99, self._version)

    def wait_for_swap(self, version: str) -> None:
        """Wait until a worker has told that it serves a version.

        Raises:
            MillraceError: none did within a minute.
        """
        with self._swapped:
            if not self._swapped.wait_for(lambda: version in self._serving, _SWAP_SECONDS):
                raise MillraceError(
                    f"no worker served version {version} within {_SWAP_SECONDS:.0f} s: "
                    "see .millrace/logs/worker.log"
                )

    def wait_for_deployment(self, sequence: int) -> None:
        """Wait until a worker has told that it runs a deployment, or a later one.

        Raises:
            MillraceError: none did within a minute.
        """
        with self._swapped:
            if not self._swapped.wait_for(lambda: self._sequence >= sequence, _SWAP_SECONDS):
                raise MillraceError(
                    f"no worker ran deployment {sequence} within {_SWAP_SECONDS:.0f} s: "
                    "see .millrace/logs/worker.log"
                )

    def close(self) -> None:
        """Stop following."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _follow(self) -> None:
        while not self._stop.is_set():
            polled = self._consumer.poll(timeout_ms=200)
            records = []
            for partition, received in polled.items():
                # None of ours has a header name that cannot be read.
                found = [r for r in received if r.headers is not None]
                if partition.topic == self._events_topic:
                    self._note_swaps(found)
                else:
                    records += found
            if not records:
                continue
            seen = list(decoded((r.value for r in records[::_EVERY]), _Seen))
            with self._lock:
                self._count += len(records)
                self._recent.append(
                    (time.monotonic(), len(records), [s.latency.total_ms for s in seen])
                )
                if seen:
                    self._version = seen[-1].model.version

    def _note_swaps(self, records: Sequence[ConsumerRecord]) -> None:
        events = list(decoded((record.value for record in records), ModelEvent))
        own = [e for e in events if e.event == "swapped" and e.model == self._model]
        with self._swapped:
            self._serving |= {e.version for e in own}
            self._sequence = max([self._sequence, *(e.sequence or 0 for e in own)])
            self._swapped.notify_all()
