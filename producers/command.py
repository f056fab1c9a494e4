"""What `millrace produce` and `python -m producers` do: replay a table, talk to people."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console

from contracts.settings import Settings
from producers.file_replay import ReplayRequest, replay_file
from producers.progress_display import ProgressDisplay
from producers.replay_summary import ReplaySummary

INTERRUPTED = 130


def run(settings: Settings, request: ReplayRequest) -> ReplaySummary:
    """Replay a source until its end or SIGINT/SIGTERM; progress goes to standard error.

    Raises:
        MillraceError: as `replay_file`.
    """
    # Without any handler Python prints kafka-python's warnings; our summary says what matters.
    logging.getLogger("kafka").addHandler(logging.NullHandler())
    with stop_on_signals() as stop, ProgressDisplay(Console(stderr=True, highlight=False)) as shown:
        summary = replay_file(
            settings,
            request,
            on_start=shown.start,
            on_progress=shown.show,
            say=shown.say,
            stop=stop,
        )
    for sentence in sentences(summary):
        shown.say(sentence)
    return summary


def sentences(summary: ReplaySummary) -> Iterator[str]:
    """A summary in words."""
    yield (
        f"{summary.rows_done:,} of {summary.rows:,} rows are on {summary.topic} for "
        f"{summary.model}; this run: {summary.acknowledged:,} acknowledged, "
        f"{summary.refused + summary.failed:,} failed, {summary.labels:,} labels, "
        f"{summary.seconds:,.1f} s, {summary.events_per_second:,.0f} events/s"
    )
    if summary.refused:
        yield f"{summary.refused:,} were refused before sending; the first: {summary.first_refusal}"
    if summary.failure:
        yield f"{summary.failed:,} events were not acknowledged: {summary.failure}"
    if summary.drift is not None:
        yield summary.drift.sentence()
    if not summary.finished:
        yield "to continue: the same command with --resume"


def exit_status(summary: ReplaySummary) -> int:
    """0: every row is on Kafka; 130: stopped by a signal; 1: something failed."""
    if summary.failure or summary.refused:
        return 1
    return 0 if summary.finished else INTERRUPTED


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set; a second signal acts as usual, at once."""
    stop = threading.Event()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def restore() -> None:
        for number, action in before.items():
            signal.signal(number, action)

    def ask(number: int, frame: FrameType | None) -> None:
        stop.set()
        restore()

    for number in numbers:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        restore()
