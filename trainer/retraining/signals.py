"""SIGTERM and SIGINT: the retrainer ends in time, whatever it waits for."""

import os
import signal
import threading
import time

END_SECONDS = 15.0
"""Of waiting for a server that does not answer. Nothing is lost by ending in the middle of it."""


def stop_on_signals() -> threading.Event:
    """An event that is set by either signal; soon after it the process ends by itself."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    threading.Thread(target=_end_in_time, args=(stop,), daemon=True).start()
    return stop


def _end_in_time(stop: threading.Event) -> None:
    stop.wait()
    time.sleep(END_SECONDS)
    os._exit(0)
