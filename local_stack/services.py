"""Start and stop a project's long-running programs, and keep a record of them.

What the programs are is the caller's business. An attached one ends with the process that started
it, however that ends; a detached one lives until it is stopped.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from local_stack.errors import AlreadyRunningError, LocalStackError, StartError
from local_stack.log_gist import log_gist
from local_stack.project import ProjectFiles
from local_stack.supervision import Supervision, wait_for
from local_stack.supervision_files import ChildSpec, ChildStatus, read_file, replace_file

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,40}")
_START_SECONDS = 20.0
_RESERVED = "stack"


class ServiceRecord(msgspec.Struct, frozen=True):
    """One started program, as `.millrace/services.json` keeps it."""

    name: str
    argv: list[str]
    detached: bool
    log: str


class Services(msgspec.Struct, frozen=True):
    """What `.millrace/services.json` holds."""

    services: list[ServiceRecord] = []


class Service:
    """A program that was started; it may have ended since."""

    def __init__(self, record: ServiceRecord, supervision: Supervision) -> None:
        self.name = record.name
        self.argv = record.argv
        self.detached = record.detached
        self.log = Path(record.log)
        self._supervision = supervision

    @property
    def _child(self) -> ChildStatus | None:
        status = self._supervision.status()
        return status.child(self.name) if status else None

    @property
    def pid(self) -> int | None:
        """The program's pid, None when it has ended."""
        child = self._child
        running = child is not None and child.exit_code is None and self._supervision.is_running()
        return child.pid if running and child else None

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal); None if it runs or nobody saw it end."""
        child = self._child
        return child.exit_code if child else None

    def wait(self, seconds: float) -> bool:
        """Wait until the program has ended; False if it did not in time."""
        return wait_for(lambda: self.pid is None, seconds)

    def detach(self) -> None:
        """Let an attached program live on after this process."""
        self._supervision.detach()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL after 20 s; returns when it has ended."""
        self._supervision.stop()


def start(
    project_dir: Path | str,
    name: str,
    argv: Sequence[str],
    env: Mapping[str, str] | None = None,
    detached: bool = False,
) -> Service:
    """Start a program in the project directory, its output in `.millrace/logs/NAME.log`.

    `env` is its whole environment, None for ours. Raises AlreadyRunningError when one of that name
    runs in the project, StartError when it cannot be started.
    """
    if not _NAME.fullmatch(name) or name == _RESERVED:
        raise LocalStackError(f"{name!r} is no name for a service: use small letters and digits.")
    files = ProjectFiles(Path(project_dir))
    supervision = Supervision(files.run(name))
    record = ServiceRecord(name, list(argv), detached, str(files.log(name)))
    child = ChildSpec(
        name=name,
        argv=record.argv,
        env=dict(os.environ if env is None else env),
        cwd=str(files.project_dir),
        log=record.log,
    )
    with files.lock(f"service-{name}"):
        if supervision.is_running() and Service(record, supervision).pid is not None:
            raise AlreadyRunningError(
                f"{name} runs already in {files.project_dir}: stop it first, or see {record.log}."
            )
        supervision.stop()
        supervision.start([child])
        with _records(files) as records:
            records[name] = record
        service = Service(record, supervision)
        wait_for(lambda: service._child is not None, _START_SECONDS)
        started = service._child
        if started is None or started.failure is not None:
            supervision.stop()
            reason = started.failure if started else log_gist(supervision.log, 0)
            raise StartError(f"{name} could not be started: {reason}.")
        if detached:
            supervision.detach()
    return service


def list_services(project_dir: Path | str) -> list[Service]:
    """The programs that were started in the project and not stopped, ended ones included."""
    files = ProjectFiles(Path(project_dir))
    records = read_file(files.services, Services) or Services()
    return [Service(record, Supervision(files.run(record.name))) for record in records.services]


def stop_all(project_dir: Path | str) -> list[str]:
    """Stop all programs of the project at once, in some 20 s at most; the names of those that ran.

    Raises StopError when one belongs to another user.
    """
    files = ProjectFiles(Path(project_dir))
    known = list_services(files.project_dir)
    ran = [service.name for service in known if service.pid is not None]
    for service in known:
        service._supervision.ask_to_stop()
    for service in known:
        service.stop()
    if known:
        with _records(files) as records:
            for service in known:
                records.pop(service.name, None)
    return ran


@contextmanager
def _records(files: ProjectFiles) -> Iterator[dict[str, ServiceRecord]]:
    """The records by name, to be changed in the block."""
    with files.lock("services"):
        known = read_file(files.services, Services) or Services()
        records = {record.name: record for record in known.services}
        yield records
        replace_file(files.services, Services(list(records.values())))
