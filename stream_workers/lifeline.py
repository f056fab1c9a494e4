"""A worker under a supervisor ends with it, however that ends: its standard input is a pipe whose
other end only the supervisor holds."""

import os
import signal
import threading
import time

import structlog

log = structlog.get_logger("stream_workers.lifeline")

ARGUMENT = "--end-with-stdin"
"""Tells `python -m stream_workers` that its standard input is such a pipe."""
STOP_SECONDS = 24.0
"""Longer than a worker needs to finish what it has read and to leave its group."""


def hold_on() -> None:
    """Stop this process in order once its standard input closes; within `STOP_SECONDS`."""
    threading.Thread(target=_hold_on, name="lifeline", daemon=True).start()


def _hold_on() -> None:
    while os.read(0, 1):
        pass
    main = threading.main_thread().ident
    assert main is not None
    # As if somebody had asked: whoever handles the signal by now knows what there is to finish.
    signal.pthread_kill(main, signal.SIGTERM)
    log.warning("the supervisor is gone; this worker stops")
    time.sleep(STOP_SECONDS)
    os._exit(1)
