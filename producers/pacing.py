"""How fast to send: an even rate that neither drifts nor makes up for a long pause in a burst."""

import time
from collections.abc import Callable

MAX_BEHIND_SECONDS = 0.1
"""What may be made up for at once; more is dropped, so that a stall causes no flood."""


class Pace:
    """A token bucket that tells how long to wait before the next event.

    Args:
        rate: events per second, above 0.
        clock: monotonic seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / rate
        self._clock = clock
        self._due = clock()

    def delay(self) -> float:
        """Seconds until the next event may be sent; 0 or less: now."""
        return self._due - self._clock()

    def sent(self) -> None:
        """Count one event that was sent."""
        behind = max(self._interval, MAX_BEHIND_SECONDS)
        self._due = max(self._due, self._clock() - behind) + self._interval
