"""A running stack as its user sees it: endpoints, and a handle for each of its two servers."""

import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from local_stack import elasticsearch_server, kafka_server
from local_stack.children import kill_group
from local_stack.errors import NotRunningError, StartError, StopError
from local_stack.log_gist import log_gist, says_port_taken
from local_stack.project import ProjectFiles
from local_stack.stack_state import StackState
from local_stack.supervision import Supervision, wait_for
from local_stack.supervision_files import ChildSpec, ChildStatus

_START_SECONDS = 240.0


class PortTakenError(StartError):
    """A server did not start because a port that was free when it was chosen no longer is."""


class ServerHandle:
    """One server of a running stack. Tests of faults kill, pause and restart it."""

    def __init__(
        self, name: str, supervision: Supervision, endpoint: str, is_healthy: Callable[[], bool]
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self.is_healthy = is_healthy
        self._supervision = supervision

    @property
    def status(self) -> ChildStatus | None:
        """What the supervisor knows of the process, None when it does not run any more."""
        status = self._supervision.status()
        return status.child(self.name) if status and self._supervision.is_running() else None

    @property
    def pid(self) -> int | None:
        """The process that was started (for Elasticsearch the launcher), None if it has ended."""
        status = self.status
        return status.pid if status and status.exit_code is None else None

    def kill(self) -> None:
        """SIGKILL to the server and all it started; returns when the supervisor has seen it."""
        if (pid := self.pid) is not None:
            kill_group(pid)
            wait_for(lambda: self.pid is None, _START_SECONDS)

    def pause(self) -> None:
        """Freeze the server: it keeps its connections and answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """End a `pause`."""
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        """End the server in an orderly way and keep the rest of the stack running."""
        self._change(wanted=False)
        if not wait_for(lambda: self.pid is None, _START_SECONDS):
            raise StopError(f"{self.name} did not end: see {self._supervision.log}.")

    def start(self) -> None:
        """Start the server again, same ports, same data; returns when it is healthy.

        Restarts it when it runs. Raises StartError.
        """
        child = self._change(wanted=True)
        self.wait_healthy(child, _size(Path(child.log)))

    def wait_healthy(self, child: ChildSpec, offset: int) -> None:
        """Wait until the child just asked for is healthy; its log began at `offset` bytes.

        Raises StartError, or PortTakenError when a port was taken.
        """
        log = Path(child.log)

        def decided() -> bool:
            status = self._supervision.status()
            mine = status.child(self.name) if status else None
            if not self._supervision.is_running():
                raise StartError(
                    f"{self.name} was ended while it started: see {self._supervision.log}."
                )
            if mine is None or mine.generation < child.generation:
                return False
            if mine.exit_code is not None:
                kind = PortTakenError if says_port_taken(log, offset) else StartError
                reason = mine.failure or log_gist(log, offset)
                raise kind(
                    f"{self.name} ended with exit code {mine.exit_code} while it started: "
                    f"{reason} (the whole log: {log})."
                )
            return self.is_healthy()

        if not wait_for(decided, _START_SECONDS):
            raise StartError(
                f"{self.name} still runs but is not healthy after {_START_SECONDS:.0f} s: if this "
                f"machine is busy, try again. Its log says: {log_gist(log, offset)} (all of it: "
                f"{log})."
            )

    def _signal(self, number: signal.Signals) -> None:
        if (pid := self.pid) is None:
            raise NotRunningError(f"{self.name} does not run.")
        os.killpg(pid, number)

    def _change(self, *, wanted: bool) -> ChildSpec:
        spec = self._supervision.spec()
        child = next((c for c in spec.children if c.name == self.name), None) if spec else None
        if child is None or not self._supervision.is_running():
            raise NotRunningError(f"{self.name} cannot be started or stopped: no stack runs.")
        changed = msgspec.structs.replace(child, generation=child.generation + 1, wanted=wanted)
        self._supervision.change(changed)
        return changed


class Stack:
    """A running Kafka and Elasticsearch."""

    def __init__(self, files: ProjectFiles, state: StackState, supervision: Supervision) -> None:
        self.project_dir = files.project_dir
        self.listeners = state.listeners
        self.versions = state.versions
        self.data_dir = Path(state.data)
        self.elasticsearch_password = state.options.elasticsearch_password
        self.supervision = supervision
        self.kafka = ServerHandle(
            kafka_server.NAME,
            supervision,
            state.kafka,
            partial(kafka_server.answers, state.kafka),
        )
        self.elasticsearch = ServerHandle(
            elasticsearch_server.NAME,
            supervision,
            state.elasticsearch,
            partial(
                elasticsearch_server.answers,
                state.elasticsearch,
                self.elasticsearch_password,
                state.options.elasticsearch_ca,
            ),
        )

    @property
    def servers(self) -> tuple[ServerHandle, ServerHandle]:
        """Both servers."""
        return self.kafka, self.elasticsearch

    def detach(self) -> None:
        """Let a stack of `session` live on after this process, until `down`."""
        self.supervision.detach()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
