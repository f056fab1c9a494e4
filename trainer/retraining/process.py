"""A process of its own for the work of a retraining: it can be ended at any time."""

import multiprocessing
import os
import signal
import threading
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from msgspec import Struct

from contracts.errors import ConfigurationError, MillraceError, UnreachableError
from contracts.settings import Settings
from contracts.telemetry import configure_logging

_SPAWN = multiprocessing.get_context("spawn")
_KILLED_WITHIN_SECONDS = 5.0


class Outcome(Struct, frozen=True):
    """How the work came out.

    Args:
        retraining: its id.
        ended: what became of it, in words; None: it is not over.
        error: why it is not.
        again: whether trying again may help for as long as it takes, as a server was away.
        wrong_settings: whether trying again cannot help.
    """

    retraining: str
    ended: str | None = None
    error: str | None = None
    again: bool = False
    wrong_settings: bool = False


class Work:
    """The work of one retraining, under way from the moment this is made."""

    def __init__(self, settings: Settings, retraining: str) -> None:
        self.retraining = retraining
        self._result, theirs = _SPAWN.Pipe(duplex=False)
        self._process: SpawnProcess = _SPAWN.Process(
            target=_work, args=(settings, retraining, theirs), name=retraining, daemon=True
        )
        self._process.start()
        theirs.close()

    def outcome(self) -> Outcome | None:
        """How it came out, None while it is under way."""
        if self._process.is_alive():
            return None
        try:
            found: Outcome = self._result.recv()
        except EOFError:
            status = self._process.exitcode
            found = Outcome(self.retraining, error=f"its process ended with status {status}")
        self._process.join()
        return found

    def kill(self) -> None:
        """End it where it stands."""
        self._process.kill()
        self._process.join(_KILLED_WITHIN_SECONDS)


def _work(settings: Settings, retraining: str, result: Connection) -> None:
    """In the process: whoever started it ends it, and it ends with them."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    configure_logging(settings, "retrainer")
    from trainer.retraining.carrying import carry_on

    try:
        known = carry_on(settings, retraining)
        result.send(Outcome(retraining, ended=known.ended if known else "nobody knows it"))
    except ConfigurationError as error:
        result.send(Outcome(retraining, error=str(error), wrong_settings=True))
    except MillraceError as error:
        again = isinstance(error, UnreachableError)
        result.send(Outcome(retraining, error=str(error), again=again))
    except Exception as error:  # a defect of ours: told, and not gone on with for ever
        result.send(Outcome(retraining, error=repr(error)))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
