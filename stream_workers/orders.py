"""Work that other threads ask of one thread, done between two rounds of its loop."""

import queue
from collections.abc import Callable
from concurrent.futures import Future

from confluent_kafka import KafkaException

Work = Callable[[], bool]


class Orders:
    """Given by any thread, obeyed by one."""

    def __init__(self) -> None:
        self._closed = False
        self._waiting: queue.SimpleQueue[tuple[Work, Future[bool]]] = queue.SimpleQueue()

    def give(self, work: Work) -> "Future[bool]":
        """Have something done; the future tells what came of it."""
        done: Future[bool] = Future()
        if self._closed:
            done.set_result(False)
        else:
            self._waiting.put((work, done))
        return done

    def obey(self) -> None:
        """Do what waits; what Kafka refuses, the future raises."""
        while not self._waiting.empty():
            work, done = self._waiting.get()
            try:
                done.set_result(work())
            except KafkaException as error:
                done.set_exception(error)

    def close(self) -> None:
        """Do what waits, for the last time; nothing comes of later orders."""
        self._closed = True
        self.obey()
