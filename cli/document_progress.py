"""How work on all documents shows how far it is: a bar on a terminal, lines elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cli.output import say, stderr

_LINE_SECONDS = 5.0


class DocumentProgress:
    """Called with what is being done, how much of it is done, and of how much (0: not known)."""

    def __init__(self) -> None:
        self._next_line = time.monotonic() + _LINE_SECONDS
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=stderr,
            disable=not stderr.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show a new state."""
        self._bar.update(self._task, description=what, completed=done, total=total or None)
        if not stderr.is_terminal and time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _LINE_SECONDS
            say(f"{what}: {done:,} of {total:,}" if total else f"{what}: {done:,}")

    def records(self, done: int, total: int) -> None:
        """Show how many records are read."""
        self("records", done, total)

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
