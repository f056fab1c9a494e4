"""What training tells the people who wait for it: one line per finished step, with its time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


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

    @contextmanager
    def counted(self, title: str, done: int, total: int) -> Iterator[Callable[[str], None]]:
        """Show how many of the same are through; call what is given with a word on each."""
        if self._console is None or not self._console.is_terminal:
            yield self.say
            return
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(
            TextColumn("{task.description}"),
            *columns,
            TextColumn("{task.fields[last]}", markup=False),
            console=self._console,
        ) as bar:
            task = bar.add_task(title, completed=done, total=total, last="")
            yield lambda sentence: bar.update(task, advance=1, last=sentence)

    def say(self, sentence: str) -> None:
        """Write a remark."""
        if self._console is not None:
            self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)
