"""`python -m chaos.under_faults SERVICE`: a service in a world that is wrong for it alone.

Its clock is shifted by the seconds in a file, step by step as the file changes, and Kafka's
patience with a slow batch is as short as a variable says. The machine's clock stays as it is.
"""

import os
import runpy
import sys
import threading
import time
from typing import Any

from chaos.paced_model import seconds_in

CLOCK = "CHAOS_CLOCK"
"""Names the file with the shift of the clock."""
MAX_POLL = "CHAOS_MAX_POLL_MS"
"""How long Kafka lets a worker score one batch, in milliseconds."""
LEFT_OUT = "CHAOS_LEFT_OUT"
"""Names the file that makes a worker believe to be no member of its group."""
_LOOK_SECONDS = 0.1


def shift_clock(path: str) -> None:
    """From now on `time.time` and `time.time_ns` follow the file."""
    true_time, true_time_ns = time.time, time.time_ns
    shift = seconds_in(path)

    def follow() -> None:
        nonlocal shift
        while True:
            shift = seconds_in(path)
            time.sleep(_LOOK_SECONDS)

    threading.Thread(target=follow, daemon=True).start()
    time.time = lambda: true_time() + shift
    time.time_ns = lambda: true_time_ns() + int(shift * 1e9)


def shorten_patience(milliseconds: int) -> None:
    """Give the worker's consumer a `max.poll.interval.ms`; in production it is five minutes."""
    from stream_workers import app

    original = app.consumer_settings

    def impatient(*arguments: Any) -> dict[str, Any]:
        return {**original(*arguments), "max.poll.interval.ms": milliseconds}

    app.consumer_settings = impatient


def leave_out(path: str) -> None:
    """Let a worker believe for once, when the file is there, that its group has left it out."""
    from contracts.operating.membership import Membership

    def unsettled(_: Membership) -> float:
        try:
            os.unlink(path)
        except FileNotFoundError:
            return 0.0
        return 1000.0

    Membership.unsettled_seconds = property(unsettled)  # type: ignore[method-assign,assignment]


def main(service: str, *arguments: str) -> None:
    """Run `python -m service arguments` in that world."""
    if path := os.environ.get(CLOCK):
        shift_clock(path)
    if milliseconds := os.environ.get(MAX_POLL):
        shorten_patience(int(milliseconds))
    if path := os.environ.get(LEFT_OUT):
        leave_out(path)
    sys.argv = [service, *arguments]
    runpy.run_module(service, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
