"""What people see of the demonstration: steps, a progress bar with figures, the summary."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from examples.flights.live import Live

_LINE_EVERY_SECONDS = 3.0


class Show:
    """Writes to a console: live on a terminal, plain lines elsewhere."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Tell what is being done, and how long it took."""
        began = time.monotonic()
        if self._console.is_terminal:
            with self._console.status(f"{what} …"):
                yield
        else:
            yield
        self._console.print(f"[green]✓[/] {what} [dim]{time.monotonic() - began:.1f} s[/]")

    @contextmanager
    def replay(self, total: int, live: Live) -> Iterator[Callable[[int], None]]:
        """Show how far the replay is; the block calls what it is given with events sent."""
        progress = Progress(
            TextColumn("replaying flights"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        task = progress.add_task("", total=total, figures="")
        told = time.monotonic()

        def advance(sent: int) -> None:
            nonlocal told
            figures = _figures(live)
            progress.update(task, completed=sent, figures=figures)
            now = time.monotonic()
            if not self._console.is_terminal and (
                now - told > _LINE_EVERY_SECONDS or sent == total
            ):
                told = now
                self._console.print(
                    f"  replaying flights {sent:,}/{total:,}  {figures}", soft_wrap=True
                )

        with progress:
            yield advance


def _figures(live: Live) -> str:
    now = live.reading()
    if now.p50 is None or now.p99 is None:
        return f"{now.predictions:,} predictions"
    return (
        f"{now.per_second:,.0f}/s  p50 {now.p50:.1f} ms  p99 {now.p99:.1f} ms  "
        f"version {now.version}"
    )
