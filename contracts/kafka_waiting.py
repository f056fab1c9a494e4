"""Waiting for a Kafka that does not answer, as services do at their start and at a rebalance."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from contracts.errors import UnreachableError
from contracts.settings import Settings

log = structlog.get_logger("kafka")

_AGAIN_SECONDS = 1.0
_LOUD_SECONDS = 10.0

T = TypeVar("T")


def when_kafka_answers(
    settings: Settings, ask: Callable[[], T], stopping: threading.Event
) -> T | None:
    """Ask Kafka for something, again and again while it does not answer.

    Returns:
        The answer; None if `stopping` was set before there was one.

    Raises:
        UnreachableError: it has not answered for `MILLRACE_STARTUP_WAIT_SECONDS`.
        AccessError: it is there, but does not let us in; waiting would not mend that.
    """
    began = time.monotonic()
    said = began - _LOUD_SECONDS
    while not stopping.is_set():
        try:
            return ask()
        except UnreachableError as error:
            now = time.monotonic()
            if now - began >= settings.startup_wait_seconds:
                raise
            if now - said >= _LOUD_SECONDS:
                log.warning("waiting for Kafka", why=str(error), since_seconds=round(now - began))
                said = now
        stopping.wait(_AGAIN_SECONDS)
    return None
