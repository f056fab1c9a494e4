"""A fixed number of bulk requests under way, each in a thread of its own.

The threads are daemons: one that waits for an Elasticsearch that never answers must not keep a
stopped process alive.
"""

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import structlog

from elk.batches import Batch
from elk.delivery import Abandoned
from elk.record import Record

log = structlog.stdlib.get_logger("elk")

Deliver = Callable[[Batch[Record]], tuple[int, int]]


class Lanes:
    """Hands batches to `count` threads; what is finished is marked so in its spans.

    One batch more than that may be handed over: it is there when a thread is done.
    """

    def __init__(self, count: int, deliver: Deliver) -> None:
        self._deliver = deliver
        self._count = count
        self._batches: queue.SimpleQueue[Batch[Record] | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._begun: dict[int, float] = {}
        self._handed_over = 0
        self.documents = 0
        self.dead_letters = 0
        self.failure: Exception | None = None
        self._threads = [
            threading.Thread(target=self._work, name=f"bulk-{n}", daemon=True) for n in range(count)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def free(self) -> bool:
        """Whether another batch may be handed over."""
        return self._handed_over <= self._count

    @property
    def busy(self) -> int:
        """How many requests are under way."""
        return min(self._handed_over, self._count)

    @property
    def unfinished_seconds(self) -> float:
        """For how long the oldest batch is under way; 0 with none."""
        begun = list(self._begun.values())
        return time.monotonic() - min(begun) if begun else 0.0

    def send(self, batch: Batch[Any]) -> None:
        """Hand over a batch; there must be room for it."""
        with self._changed:
            self._handed_over += 1
            self._begun[id(batch)] = time.monotonic()
        self._batches.put(batch)

    def wait(self, most_seconds: float, until_idle: bool = False) -> None:
        """Wait until there is room for a batch (or all are done), or the time is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.failure or (not self._handed_over if until_idle else self.free),
                most_seconds,
            )

    def close(self) -> None:
        """Let the threads end once their batch is done."""
        for _ in self._threads:
            self._batches.put(None)

    def _work(self) -> None:
        while (batch := self._batches.get()) is not None:
            try:
                documents, dead_letters = self._deliver(batch)
            except Abandoned:
                documents = dead_letters = 0
            except Exception as error:  # a defect: the process must end, not lose a lane silently
                with self._changed:
                    self.failure = error
                    self._changed.notify_all()
                return
            else:
                batch.finish()
            with self._changed:
                self._handed_over -= 1
                del self._begun[id(batch)]
                self.documents += documents
                self.dead_letters += dead_letters
                self._changed.notify_all()
