"""Start, change and end supervisors, from outside of them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import msgspec

from local_stack.children import group_is_alive, kill_group
from local_stack.errors import StartError, StopError
from local_stack.process_identity import is_alive, own_identity
from local_stack.supervision_files import ChildSpec, Spec, Status, read_file, replace_file

_PACKAGE_PARENT = Path(__file__).resolve().parent.parent
_PERIOD_SECONDS = 0.03
_START_SECONDS = 20.0
# Longer than any child's own time to stop.
_STOP_SECONDS = 24.0


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition holds; False if it did not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PERIOD_SECONDS)
    return True


class Supervision:
    """The supervisor whose files are in `directory`; it may or may not run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._lifeline: int | None = None

    @property
    def log(self) -> Path:
        """What the supervisor did and saw."""
        return self.directory / "supervisor.log"

    @property
    def is_attached(self) -> bool:
        """Whether the supervisor, started by us, ends with this process."""
        return self._lifeline is not None

    def status(self) -> Status | None:
        """What the supervisor last wrote, whether or not it still runs."""
        return read_file(self.directory / "status.json", Status)

    def is_running(self) -> bool:
        """Whether the supervisor runs."""
        status = self.status()
        return status is not None and is_alive(status.pid, status.identity)

    def start(self, children: Iterable[ChildSpec], remove: Iterable[Path] = ()) -> None:
        """Start the supervisor; it ends with this process unless `detach` is called.

        Raises StartError when it does not come up.
        """
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.directory / "status.json").unlink(missing_ok=True)
        self._write(
            Spec(list(children), os.getpid(), own_identity(), [str(path) for path in remove])
        )
        path = os.pathsep.join(
            entry for entry in (str(_PACKAGE_PARENT), os.environ.get("PYTHONPATH")) if entry
        )
        with self.log.open("ab") as log:
            starter = subprocess.Popen(
                [sys.executable, "-m", "local_stack.supervisor", str(self.directory)],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd="/",
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,
            )
        assert starter.stdin is not None
        self._lifeline = os.dup(starter.stdin.fileno())
        starter.stdin.close()
        if starter.wait(_START_SECONDS) or not wait_for(self.is_running, _START_SECONDS):
            self.release()
            raise StartError(f"The supervisor process did not start: see {self.log}.")

    def detach(self) -> None:
        """Let it live on when this process ends; nothing if it does already."""
        if self._lifeline is not None:
            with suppress(BrokenPipeError):
                os.write(self._lifeline, b"d")
            self.release()
            wait_for(lambda: not self.is_running() or self._is_detached(), _START_SECONDS)

    def _is_detached(self) -> bool:
        status = self.status()
        return status is not None and status.detached

    def release(self) -> None:
        """Close our end of the pipe: an attached supervisor ends everything and itself."""
        if self._lifeline is not None:
            os.close(self._lifeline)
            self._lifeline = None

    def change(self, child: ChildSpec) -> None:
        """Make `child` what should run under its name; takes effect within a tenth of a second."""
        spec = self.spec()
        assert spec is not None
        others = [other for other in spec.children if other.name != child.name]
        self._write(msgspec.structs.replace(spec, children=[*others, child]))

    def spec(self) -> Spec | None:
        """What should run."""
        return read_file(self.directory / "spec.json", Spec)

    def ask_to_stop(self) -> None:
        """Ask the supervisor to end everything; returns at once.

        Raises StopError when it belongs to another user.
        """
        status = self.status()
        if status is None or not self.is_running():
            return
        try:
            os.kill(status.pid, signal.SIGTERM)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise StopError(
                f"The process {status.pid} belongs to another user: "
                "run the command as the user that started it."
            ) from error

    def stop(self) -> None:
        """End everything: SIGTERM, then SIGKILL for what does not end by itself in 20 s.

        Also ends what a killed supervisor left behind. Raises StopError when it belongs to another
        user.
        """
        self.ask_to_stop()
        wait_for(lambda: not self.is_running(), _STOP_SECONDS)
        status = self.status()
        if status is None:
            self.release()
            return
        if self.is_running():
            os.kill(status.pid, signal.SIGKILL)
        for child in status.children:
            if group_is_alive(child):
                kill_group(child.pid)
        wait_for(lambda: not self._anything_alive(status), _STOP_SECONDS)
        self.release()

    def _anything_alive(self, status: Status) -> bool:
        return self.is_running() or any(group_is_alive(child) for child in status.children)

    def _write(self, spec: Spec) -> None:
        replace_file(self.directory / "spec.json", spec)
