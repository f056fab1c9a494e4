"""Services as the processes that run in production, for the length of a test."""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import SecretStr
from waiting import wait_until

from contracts.settings import Settings

PROJECT = Path(__file__).parent.parent
STOP_SECONDS = 60
"""On a machine that does much else at the same time; alone, services end within 20."""


class ServiceProcess:
    """One running service; its log is a file that the test's report shows when it fails."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.name = name
        self.process = process
        self.log = log

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    @property
    def output(self) -> str:
        """All it has written so far, to standard output and standard error."""
        return self.log.read_text(errors="replace")

    def wait_for_log(self, text: str, timeout: float = 60) -> None:
        """Wait until it has written `text`; fail at once if it has ended without."""

        def written() -> bool:
            ended = self.process.poll()
            if text in self.output:
                return True
            assert ended is None, f"{self.name} ended with {ended} before '{text}':\n{self.output}"
            return False

        wait_until(written, timeout, f"'{text}' in the log of {self.name}")

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)

    def kill(self) -> None:
        """SIGKILL to it and to all it started; returns when it is gone."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(STOP_SECONDS)


def without_settings() -> dict[str, str]:
    """The caller's environment without any setting of ours."""
    return {k: v for k, v in os.environ.items() if not k.startswith("MILLRACE_")}


class ServiceProcesses:
    """Starts services for one test, with its settings as `MILLRACE_*` variables."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.environment = {
            **without_settings(),
            **as_variables(settings),
            "PYTHONPATH": str(PROJECT),
            "PYTHONUNBUFFERED": "1",
        }
        self._folder = folder
        self.started: list[ServiceProcess] = []

    def start(self, module: str, arguments: Sequence[str] = (), **variables: str) -> ServiceProcess:
        """Run `python -m module arguments`, with more environment variables if need be."""
        name = f"{module}-{len(self.started) + 1}"
        log = self._folder / f"{name}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=self._folder,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        service = ServiceProcess(name, process, log)
        self.started.append(service)
        return service

    def end(self) -> None:
        """Kill whatever still runs."""
        for service in self.started:
            service.kill()


def as_variables(settings: Settings) -> dict[str, str]:
    """The settings that are not the defaults, as a process reads them from its environment."""
    return {
        f"MILLRACE_{name.upper()}": value.get_secret_value()
        if isinstance(value, SecretStr)
        else str(value)
        for name, value in settings.model_dump(exclude_defaults=True, exclude_none=True).items()
    }
