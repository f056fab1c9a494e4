"""Calls of librdkafka that take long or do not return, made so that nobody waits for them for ever.

`send_offsets_to_transaction` of 2.16 ignores its timeout at times after a broker was away
(https://github.com/confluentinc/librdkafka/issues/5456), and may also time out again and again
although Kafka answers.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future

from confluent_kafka import KafkaException

Call = Callable[[float], None]
"""Takes its timeout in seconds; raises KafkaException."""

_CALL_SECONDS = 1.0
_HUNG_SECONDS = 15.0
"""A call that was to take a second at most will not come back any more."""
_CALLS_WHEN_STOPPING = 4
_STOPPING_SECONDS = 5.0


class GivenUp(Exception):
    """Kafka did not answer in time, or librdkafka did not return."""


class KafkaCalls:
    """Calls made one after the other in a thread of their own, which no exit of the process waits
    for; each is repeated while Kafka may yet answer it.

    Args:
        stopping: ends the repeating.
    """

    def __init__(self, stopping: threading.Event, *calls: Call) -> None:
        self._stopping = stopping
        self._given_up = threading.Event()
        self._began = self._call_began = time.monotonic()
        self._done: Future[None] = Future()
        threading.Thread(target=self._run, args=calls, name="transaction", daemon=True).start()

    @property
    def over(self) -> bool:
        """Whether it is decided what became of them."""
        return self._done.done()

    @property
    def seconds(self) -> float:
        """How long ago they began."""
        return time.monotonic() - self._began

    @property
    def hung(self) -> bool:
        """Whether the present call does not come back."""
        return time.monotonic() - self._call_began > _HUNG_SECONDS

    def succeed(self, most_seconds: float) -> bool:
        """Wait for them at most so long; whether they are through.

        Raises:
            KafkaException: Kafka refused one.
        """
        try:
            self._done.result(most_seconds)
        except TimeoutError:
            return False
        return True

    def finish(self, most_seconds: float) -> None:
        """Wait until they are through; give them up at `most_seconds` after their beginning.

        Raises:
            KafkaException: Kafka refused one.
            GivenUp: it did not answer in time; what it does with them yet is unknown.
        """
        stopping_at: float | None = None
        while not self.succeed(_CALL_SECONDS):
            now = time.monotonic()
            if self._stopping.is_set():
                stopping_at = stopping_at or now
            late = stopping_at is not None and now - stopping_at > _STOPPING_SECONDS
            if late or self.hung or self.seconds > most_seconds:
                self.give_up()
                raise GivenUp(f"no answer from Kafka within {self.seconds:.0f} s")

    def give_up(self) -> None:
        """Let the thread end as soon as librdkafka returns to it."""
        self._given_up.set()

    def _run(self, *calls: Call) -> None:
        try:
            for call in calls:
                if self._given_up.is_set():
                    raise GivenUp("given up before")
                self._insist(call)
        except BaseException as error:
            self._done.set_exception(error)
        else:
            self._done.set_result(None)

    def _insist(self, call: Call) -> None:
        left = _CALLS_WHEN_STOPPING
        while True:
            self._call_began = time.monotonic()
            try:
                return call(_CALL_SECONDS)
            except KafkaException as error:
                left -= self._stopping.is_set()
                if not error.args[0].retriable() or not left or self._given_up.is_set():
                    raise
