"""How a replay of dead letters shows how far it is: a bar on a terminal, lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.output import say, stderr

_LINE_SECONDS = 5.0


class ReplayProgress:
    """Called with the number of letters that are done, of `total`."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._next_line = time.monotonic() + _LINE_SECONDS
        self._bar = Progress(
            TextColumn("letters"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=stderr,
            disable=not stderr.is_terminal,
        )
        self._task = self._bar.add_task("letters", total=total)

    def __call__(self, done: int) -> None:
        """Show a new state."""
        self._bar.update(self._task, completed=done)
        if not stderr.is_terminal and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_SECONDS
            say(f"{done:,} of {self._total:,} letters")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()
