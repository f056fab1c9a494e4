"""What training tells the people who wait for it: one line per finished step, with its time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class Steps:
    """Steps and remarks on a console; without one, silence.

    On a terminal the current step turns a spinner; elsewhere there are plain lines only.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show that something is under way, and how long it took once it is done."""
        started = time.monotonic()
        if self._console is None:
            yield
            return
        if self._console.is_terminal:
            with self._console.status(f"{title} …"):
                yield
        else:
            yield
        self.say(f"{title} ({time.monotonic() - started:.1f} s)")

    def say(self, sentence: str) -> None:
        """Write a remark."""
        if self._console is not None:
            self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)
