"""Contenders as processes: started, watched for the processor time they take, ended."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import psutil

_EVERY_SECONDS = 0.1
_STOP_SECONDS = 30.0
PROJECT = Path(__file__).parent.parent


class Watched:
    """A process and its children, with their CPU time and memory sampled as they run.

    Attributes:
        samples: (seconds since 1970, CPU seconds so far, resident bytes).
    """

    def __init__(
        self, argv: Sequence[str], log: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("MILLRACE_")},
            "PYTHONPATH": str(PROJECT),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            **(variables or {}),
        }
        self.log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                argv,
                cwd=log.parent,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.samples: list[tuple[float, float, int]] = []
        self._stopped = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()

    @property
    def pid(self) -> int:
        """Of the first process."""
        return self._process.pid

    def require_running(self) -> None:
        """Raises RuntimeError with the end of its log if it has ended."""
        if self._process.poll() is not None:
            tail = self.log.read_text(errors="replace")[-3000:]
            raise RuntimeError(f"{self.log.stem} ended by itself:\n{tail}")

    def cpu_at(self, moment: float) -> float:
        """CPU seconds until a moment, in seconds since 1970."""
        times, used, _ = zip(*self.samples, strict=True)
        return float(np.interp(moment, times, used))

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to all of them if that does not help."""
        self._stopped.set()
        self._sampler.join()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _sample(self) -> None:
        process = psutil.Process(self._process.pid)
        while not self._stopped.wait(_EVERY_SECONDS):
            used, resident = 0.0, 0
            try:
                for one in (process, *process.children(recursive=True)):
                    times = one.cpu_times()
                    used += times.user + times.system
                    resident += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
            self.samples.append((time.time(), used, resident))


def python(module: str, *arguments: str, interpreter: str = sys.executable) -> list[str]:
    """The command line of a module of this project."""
    return [interpreter, "-m", module, *arguments]
