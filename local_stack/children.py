"""One child process: its own process group, its output in a file, ended with its parent."""

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import BinaryIO

import psutil

from local_stack.process_identity import identity
from local_stack.supervision_files import ChildSpec, ChildStatus

_PR_SET_PDEATHSIG = 1
_LARGEST_LOG_BYTES = 20_000_000


class Child:
    """A started process; start it from a thread that lives as long as it should.

    Raises OSError when the program cannot be started.
    """

    def __init__(self, spec: ChildSpec) -> None:
        self.spec = spec
        self._kill_at: float | None = None
        with _open_log(Path(spec.log)) as log:
            self._process = subprocess.Popen(
                spec.argv,
                env=spec.env,
                cwd=spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                user=spec.uid,
                group=spec.gid,
                extra_groups=None if spec.uid is None else [],
                umask=0o077,
                preexec_fn=_end_with_parent(),
            )
        # The pid is ours until we wait for it, so an identity of None means it ended at once.
        self._identity = identity(self._process.pid) or ""

    def stop(self) -> None:
        """Ask it to end; `poll` kills it when it has not done so in time."""
        if self._kill_at is None and self._process.poll() is None:
            self._kill_at = monotonic() + self.spec.stop_seconds
            self._process.terminate()
            with suppress(ProcessLookupError):  # a stopped process would not see it otherwise
                os.killpg(self._process.pid, signal.SIGCONT)

    def poll(self) -> int | None:
        """The exit code once it has ended, else None; what it left behind in its group is killed.

        The group and not the process is what ends: Elasticsearch's server is its launcher's child.
        """
        if self._kill_at is not None and monotonic() > self._kill_at:
            kill_group(self._process.pid)
        running = self._process.returncode is None
        code = self._process.poll()
        if running and code is not None:
            kill_group(self._process.pid)
        return code

    def status(self) -> ChildStatus:
        """What is known of it now."""
        return ChildStatus(
            self.spec.name, self.spec.generation, self._process.pid, self._identity, self.poll()
        )


def kill_group(leader: int) -> None:
    """SIGKILL to a process and all of its group; nothing if there are none left."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def group_is_alive(child: ChildStatus) -> bool:
    """Whether a child that was started some time ago, or anything in its group, still runs."""
    if child.pid == 0 or identity(child.pid) not in (None, child.identity):
        return False  # a pid is only given away again when nothing of its old group is left
    return any(_group_of(pid) == child.pid and identity(pid) is not None for pid in psutil.pids())


def _group_of(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _open_log(path: Path) -> BinaryIO:
    if path.exists() and path.stat().st_size > _LARGEST_LOG_BYTES:
        path.replace(path.with_name(path.name + ".1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")


def _end_with_parent() -> Callable[[], None] | None:
    """What a child must run before its program so that a SIGKILL of the parent ends it too."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def request() -> None:
        # After the change of user, which would clear it; by then the parent may be gone already.
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return request
