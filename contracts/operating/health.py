"""Whether a service lives and whether it is ready: named conditions, asked when somebody asks."""

import time
from collections.abc import Callable, Mapping

from msgspec import Struct


class Condition(Struct, frozen=True):
    """Whether something holds, and what there is to say about it."""

    holds: bool
    detail: str


class Report(Struct, frozen=True):
    """The answer to one question after health, as the endpoint gives it."""

    healthy: bool
    conditions: Mapping[str, Condition]


Ask = Callable[[], Condition]


class Health:
    """The conditions of one process. What raises counts as not holding: asking never fails."""

    def __init__(self) -> None:
        self._alive: dict[str, Ask] = {}
        self._ready: dict[str, Ask] = {}

    def alive_while(self, name: str, ask: Ask) -> None:
        """Add a condition without which only a restart helps."""
        self._alive[name] = ask

    def ready_while(self, name: str, ask: Ask) -> None:
        """Add a condition without which the service does no work."""
        self._ready[name] = ask

    def alive(self) -> Report:
        """Ask what decides over a restart."""
        return _report(self._alive)

    def ready(self) -> Report:
        """Ask what decides over work."""
        return _report(self._ready)


def starting() -> Condition:
    """A condition that cannot be asked for yet: until it is, nothing is ready."""
    return Condition(False, "starting")


def recent(moment: float, most_seconds: float) -> Condition:
    """Whether something that goes round did so lately.

    Args:
        moment: when it last did, by `time.monotonic`.
        most_seconds: silence after which it is taken for stuck.
    """
    silent = time.monotonic() - moment
    return Condition(silent < most_seconds, f"last went round {silent:.1f} s ago")


def _report(asked: Mapping[str, Ask]) -> Report:
    conditions = {name: _answer(ask) for name, ask in asked.items()}
    return Report(all(c.holds for c in conditions.values()), conditions)


def _answer(ask: Ask) -> Condition:
    try:
        return ask()
    except Exception as error:  # whatever it is, whoever asks must get an answer
        return Condition(False, str(error) or type(error).__name__)
