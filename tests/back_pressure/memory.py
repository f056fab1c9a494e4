"""How much memory a process takes, watched while something is done to it."""

import threading
import time
from types import TracebackType
from typing import Self

import psutil
from waiting import wait_until

MIB = 1024 * 1024
_LOOK_SECONDS = 0.05
_STEADY_SECONDS = 5.0
_PATIENCE_SECONDS = 120.0


class Watch:
    """Follows the resident memory of a process, from the moment the block begins."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._most = self._process.memory_info().rss
        self._grew_at = time.monotonic()

    @property
    def most_mib(self) -> float:
        """The most that it took at any moment, MiB."""
        return self._most / MIB

    def wait_until_steady(self) -> None:
        """Wait until it has not grown for a while."""
        self._grew_at = time.monotonic()
        wait_until(
            lambda: time.monotonic() - self._grew_at > _STEADY_SECONDS,
            _PATIENCE_SECONDS,
            lambda: f"still growing, at {self.most_mib:.0f} MiB",
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            now = self._process.memory_info().rss
            if now > self._most + MIB:
                self._grew_at = time.monotonic()
            self._most = max(self._most, now)
