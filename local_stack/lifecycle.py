"""Bring a project's stack up and down, ask how it is, or have one for the length of a block."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from local_stack import services
from local_stack.errors import AlreadyRunningError
from local_stack.home import millrace_home, stack_home
from local_stack.options import Options
from local_stack.project import ProjectFiles
from local_stack.stack import ServerHandle, Stack
from local_stack.stack_state import StackState
from local_stack.start import start
from local_stack.supervision import Supervision
from local_stack.supervision_files import read_file


class ServerStatus(NamedTuple):
    """How one server is; `exit_code` is set when it is dead and somebody saw it end."""

    state: Literal["healthy", "unresponsive", "dead", "stopped"]
    endpoint: str | None = None
    pid: int | None = None
    exit_code: int | None = None


class StackStatus(NamedTuple):
    """How the stack is; `running` says whether it was started and not stopped."""

    running: bool
    kafka: ServerStatus
    elasticsearch: ServerStatus


def running_stack(project_dir: Path | str) -> Stack | None:
    """The project's stack if it was started and not stopped; asks nothing over the network."""
    files = ProjectFiles(Path(project_dir))
    state = read_file(files.stack, StackState)
    supervision = Supervision(files.run("stack"))
    if state is None or not supervision.is_running():
        return None
    return Stack(files, state, supervision)


def up(project_dir: Path | str, options: Options | None = None) -> Stack:
    """Have a healthy stack that lives until `down`; harmless and quick when there is one already.

    What has died is started again, on the same ports and data. Raises LocalStackError, in
    particular AlreadyRunningError when a stack runs with other options than those given.
    """
    files = ProjectFiles(Path(project_dir))
    with files.lock("stack"):
        stack = _existing(files, options)
        if stack is None:
            stack = start(files, options or Options(), temporary=False)
        stack.detach()
        return stack


def down(project_dir: Path | str, wipe: bool = False) -> bool:
    """End the project's services and stack, keep the data unless `wipe`; True if a stack ran.

    Takes some 20 s at most for each of the two. Raises StopError.
    """
    files = ProjectFiles(Path(project_dir))
    if not files.root.exists() and not wipe:
        return False
    services.stop_all(files.project_dir)
    with files.lock("stack"):
        supervision = Supervision(files.run("stack"))
        ran = supervision.is_running()
        supervision.stop()
        files.stack.unlink(missing_ok=True)
        if wipe:
            shutil.rmtree(stack_home(millrace_home(), files.project_dir), ignore_errors=True)
    return ran


def status(project_dir: Path | str) -> StackStatus:
    """How the project's stack is; asks both servers, which takes a second or two if one hangs."""
    stack = running_stack(project_dir)
    if stack is None:
        return StackStatus(False, ServerStatus("stopped"), ServerStatus("stopped"))
    return StackStatus(True, _server_status(stack.kafka), _server_status(stack.elasticsearch))


@contextmanager
def session(
    project_dir: Path | str | None = None, options: Options | None = None
) -> Iterator[Stack]:
    """A stack for the length of a block; without a project a temporary one, deleted afterwards.

    It ends with this process whatever happens to it. A stack that the project has up already is
    used and left running; `Stack.detach` lets this one live on as if `up` had started it.
    """
    if project_dir is None:
        with _temporary_project() as directory, _own_session(directory, options, True) as stack:
            yield stack
        return
    with _own_session(Path(project_dir), options, False) as stack:
        yield stack


@contextmanager
def _own_session(project: Path, options: Options | None, temporary: bool) -> Iterator[Stack]:
    files = ProjectFiles(project)
    with files.lock("stack"):
        existing = _existing(files, options)
        stack = existing or start(files, options or Options(), temporary)
    try:
        yield stack
    finally:
        if existing is None and stack.supervision.is_attached:
            stack.supervision.stop()


@contextmanager
def _temporary_project() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="millrace-"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _existing(files: ProjectFiles, options: Options | None) -> Stack | None:
    """The stack that runs, with what has died in it started again."""
    state = read_file(files.stack, StackState)
    stack = running_stack(files.project_dir)
    if state is None or stack is None:
        # Whatever is left of one that was killed would hold the ports and the data.
        Supervision(files.run("stack")).stop()
        return None
    if options is not None and options != state.options:
        raise AlreadyRunningError(
            f"The local stack of {files.project_dir} runs already with other settings: "
            "end it with `millrace down` first."
        )
    for server in stack.servers:
        if server.pid is None:
            server.start()
    return stack


def _server_status(server: ServerHandle) -> ServerStatus:
    if server.pid is None:
        known = server.status
        return ServerStatus("dead", server.endpoint, None, known.exit_code if known else None)
    state: Literal["healthy", "unresponsive"]
    state = "healthy" if server.is_healthy() else "unresponsive"
    return ServerStatus(state, server.endpoint, server.pid)
