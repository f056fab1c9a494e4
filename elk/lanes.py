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
from elk.records import Record

log = structlog.stdlib.get_logger("elk")

Deliver = Callable[[Batch[Record]], tuple[int, int]]


class Lanes:
    """Hands batches to `count` threads; what is finished is marked so in its spans."""

    def __init__(self, count: int, deliver: Deliver) -> None:
        self._deliver = deliver
        self._count = count
        self._batches: queue.SimpleQueue[Batch[Record] | None] = queue.SimpleQueue()
        self._changed = threading.Condition()
        self._begun: dict[int, float] = {}
        self.busy = 0
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
        """Whether another batch can be sent at once."""
        return self.busy < self._count

    @property
    def unfinished_seconds(self) -> float:
        """For how long the oldest batch is under way; 0 with none."""
        begun = list(self._begun.values())
        return time.monotonic() - min(begun) if begun else 0.0

    def send(self, batch: Batch[Any]) -> None:
        """Hand over a batch; there must be a free lane."""
        with self._changed:
            self.busy += 1
            self._begun[id(batch)] = time.monotonic()
        self._batches.put(batch)

    def wait(self, most_seconds: float, until_idle: bool = False) -> None:
        """Wait until a lane is free (or all are), or the time is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self.failure or (self.busy == 0 if until_idle else self.free), most_seconds
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
                self.busy -= 1
                del self._begun[id(batch)]
                self.documents += documents
                self.dead_letters += dead_letters
                self._changed.notify_all()
