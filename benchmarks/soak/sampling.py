"""Memory, descriptors and threads of processes, and the lag of consumer groups, over time."""

import threading
import time
from collections.abc import Callable, Mapping

import psutil
from msgspec import Struct

MIB = 1024 * 1024


class Sample(Struct, frozen=True):
    """One figure of one subject, so many seconds after the start."""

    seconds: float
    subject: str
    figure: str
    value: float


class Sampler(threading.Thread):
    """Takes samples until stopped; `samples` holds them in the order of time.

    Args:
        processes: name -> pid; a process and all below it count together.
        lag: name of a consumer group -> records it has not finished.
        every: seconds from one sample to the next.
    """

    def __init__(
        self,
        processes: Mapping[str, int],
        lag: Callable[[], Mapping[str, float]],
        every: float,
    ) -> None:
        super().__init__(name="sampler", daemon=True)
        self._processes = {name: psutil.Process(pid) for name, pid in processes.items()}
        self._lag = lag
        self._every = every
        self._began = time.monotonic()
        self._stop_asked = threading.Event()
        self.samples: list[Sample] = []

    def run(self) -> None:
        """Sample at the pace asked for."""
        while not self._stop_asked.wait(self._every):
            self.take()

    def take(self) -> None:
        """Take one sample of everything."""
        for name, process in self._processes.items():
            for figure, value in _figures(process).items():
                self._add(name, figure, value)
        for group, records in self._lag().items():
            self._add(group, "lag", records)

    def stop(self) -> None:
        """End; returns when the last sample is taken."""
        self._stop_asked.set()
        self.join()

    def _add(self, subject: str, figure: str, value: float) -> None:
        self.samples.append(Sample(time.monotonic() - self._began, subject, figure, value))


def _figures(root: psutil.Process) -> dict[str, float]:
    processes = [root, *root.children(recursive=True)]
    return {
        "memory_mib": sum(p.memory_info().rss for p in processes) / MIB,
        "descriptors": float(sum(p.num_fds() for p in processes)),
        "threads": float(sum(p.num_threads() for p in processes)),
    }
