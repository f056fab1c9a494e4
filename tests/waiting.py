"""Waiting for conditions, so that no test sleeps for luck or fails on a slow machine."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LOOK_SECONDS = 0.05
_MOST_LOOK_SECONDS = 0.5
_REST = 4
"""Who waits shares the cores with what is waited for: at most a fifth of the time is questions."""


def wait_until(
    condition: Callable[[], T], timeout: float = 60, describe: Callable[[], object] | str = ""
) -> T:
    """Ask until the answer is true, and give it back; fail after `timeout` seconds.

    Args:
        condition: asked again and again; an exception it raises is not caught.
        timeout: seconds, generous: it costs nothing where all is well.
        describe: what was waited for, or a function that tells how things stand at the end.
    """
    deadline = time.monotonic() + timeout
    while True:
        asked = time.monotonic()
        if answer := condition():
            return answer
        now = time.monotonic()
        if now > deadline:
            state = describe if isinstance(describe, str) else describe()
            raise AssertionError(f"not within {timeout:g} s: {state or condition}")
        time.sleep(min(max(LOOK_SECONDS, _REST * (now - asked)), _MOST_LOOK_SECONDS))
