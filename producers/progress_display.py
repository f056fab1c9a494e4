"""How a replay shows how far it is: a bar on a terminal, a line every few seconds elsewhere."""

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from producers.replay import Progress

LINE_SECONDS = 5.0


class ProgressDisplay:
    """Shows progress on standard error."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows = self._first = 0
        self._next_line = time.monotonic() + LINE_SECONDS
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def start(self, first: int, rows: int) -> None:
        """Begin at row `first` of `rows`."""
        self._first, self._rows = first, rows
        self._task = self._bar.add_task("sending", total=rows, completed=first, rate="")

    def show(self, progress: Progress) -> None:
        """Show a new state."""
        done = min(self._rows, self._first + progress.acknowledged + progress.refused)
        rate = f"{progress.rate:,.0f} events/s"
        self._bar.update(self._task, completed=done, rate=f"{progress.sent:,} sent, {rate}")
        if self._console.is_terminal or time.monotonic() < self._next_line:
            return
        self._next_line = time.monotonic() + LINE_SECONDS
        left = f"{(self._rows - done) / progress.rate:,.0f} s left" if progress.rate else "waiting"
        self.say(
            f"{progress.sent:,} sent, {done:,} of {self._rows:,} rows acknowledged, {rate}, {left}"
        )

    def say(self, sentence: str) -> None:
        """Show a sentence, above the bar if there is one."""
        self._console.print(sentence, markup=False, soft_wrap=True)

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
