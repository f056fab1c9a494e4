"""Tell a process from a later one that was given the same number."""

import os
import sys
from pathlib import Path

import psutil

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def identity(pid: int) -> str | None:
    """What distinguishes this process from all others with its pid; None if it does not run.

    A process that has ended but was not yet waited for does not run. On Linux made of kernel
    counters, so that setting the clock changes nothing; elsewhere of the time of the start.
    """
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except (OSError, ValueError):
            return None
        state, start_ticks = fields[0], fields[19]
        return None if state in "ZX" else f"{_BOOT_ID.read_text().strip()}:{start_ticks}"
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return f"{process.create_time():.2f}"
    except psutil.Error:
        return None


def own_identity() -> str:
    """The identity of this process."""
    own = identity(os.getpid())
    assert own is not None
    return own


def is_alive(pid: int, known: str) -> bool:
    """Whether the process with this pid still is the one that was known by this identity."""
    return identity(pid) == known
