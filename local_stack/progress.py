"""How far a download is: a bar on a terminal, plain lines elsewhere, both on standard error."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PLAIN_STEPS = 4


@contextmanager
def progress(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show `title` and yield a thread-safe function that adds bytes to the `total`."""
    shown = _bar if sys.stderr.isatty() else _plain_lines
    with shown(title, total) as advance:
        yield advance


@contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TransferSpeedColumn,
    )

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TransferSpeedColumn(), console=Console(stderr=True)) as bars:
        task = bars.add_task(title, total=total)
        yield lambda count: bars.advance(task, count)


@contextmanager
def _plain_lines(title: str, total: int) -> Iterator[Callable[[int], None]]:
    lock = threading.Lock()
    done = 0
    step = 1
    print(f"{title}: {total / 1e6:.0f} MB", file=sys.stderr, flush=True)

    def advance(count: int) -> None:
        nonlocal done, step
        with lock:
            done += count
            while step <= _PLAIN_STEPS and done * _PLAIN_STEPS >= total * step:
                percent = 100 * step // _PLAIN_STEPS
                print(f"{title}: {percent} %", file=sys.stderr, flush=True)
                step += 1

    yield advance
