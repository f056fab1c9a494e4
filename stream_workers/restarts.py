"""When a process that ended is started again, and how that is said (pure)."""

import signal
from contextlib import suppress

from msgspec import Struct

from contracts.errors import AccessError, UsageError

_FINAL = {UsageError.exit_status, AccessError.exit_status}
Ending = int | OSError
"""An exit status, the negative number of a signal, or why there was no process at all."""


class Restarts(Struct, frozen=True):
    """How long a process rests before it is started again: ever longer, up to a bound.

    Args:
        first, longest: seconds; each rest is twice the one before.
        well: seconds after which a process counts as having run well; longer than it waits for a
            Kafka that is away.
    """

    first: float = 1.0
    longest: float = 60.0
    well: float = 120.0

    def rest(self, before: float, ran: float) -> float:
        """The next rest in seconds, after a rest of `before` (0: none) and a run of `ran`."""
        if before == 0.0 or ran >= self.well:
            return self.first
        return min(2 * before, self.longest)


USUAL = Restarts()


def is_final(ending: Ending) -> bool:
    """Whether the same settings would end in the same way: they are wrong, or not let in."""
    return ending in _FINAL


def in_words(ending: Ending) -> str:
    """What follows the name of the process in a sentence."""
    if isinstance(ending, OSError):
        return f"could not be started ({ending.strerror or ending})"
    if ending >= 0:
        return f"ended with exit status {ending}"
    name = str(-ending)
    with suppress(ValueError):  # real-time signals have no names
        name = signal.Signals(-ending).name
    return f"was ended by signal {name}"
