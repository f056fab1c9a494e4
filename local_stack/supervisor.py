"""The process between us and what we start: `python -m local_stack.supervisor DIRECTORY`.

It makes what runs equal to `DIRECTORY/spec.json` and ends with its owner, however that ends: its
standard input is a pipe whose other end only the owner holds. A byte on the pipe detaches it.
"""

import os
import select
import shutil
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from local_stack.children import Child
from local_stack.process_identity import is_alive, own_identity
from local_stack.supervision_files import (
    ChildSpec,
    ChildStatus,
    Spec,
    Status,
    read_file,
    replace_file,
)

_PERIOD_SECONDS = 0.05


class Supervisor:
    """Runs the children of one `spec.json` until told to end."""

    def __init__(self, directory: Path) -> None:
        self._spec_path = directory / "spec.json"
        self._status_path = directory / "status.json"
        self._spec_seen: tuple[int, int] | None = None
        self._spec = Spec([], 0, "")
        self._children: dict[str, Child] = {}
        self._failed: dict[str, ChildStatus] = {}
        self._reported: Status | None = None
        self._identity = own_identity()
        self._detached = False
        self._ending = False

    def run(self) -> None:
        """Return when everything has ended and what was to be removed is gone."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        _log(f"supervisor {os.getpid()} started")
        while not self._ending:
            self._read_spec()
            for spec in self._spec.children:
                self._converge(spec)
            self._report()
            if not self._owner_wants_us():
                break
        self._end()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        _log(f"supervisor got {signal.Signals(number).name}")
        self._ending = True

    def _read_spec(self) -> None:
        try:
            stat = self._spec_path.stat()
        except FileNotFoundError:  # its directory was deleted: nobody can reach us any more
            _log("the specification is gone")
            self._ending = True
            return
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen != self._spec_seen:
            self._spec = read_file(self._spec_path, Spec) or self._spec
            self._spec_seen = seen

    def _converge(self, spec: ChildSpec) -> None:
        child = self._children.get(spec.name)
        failed = self._failed.get(spec.name)
        started = child.spec.generation if child else failed.generation if failed else 0
        current = started == spec.generation and spec.wanted
        if child is not None and child.poll() is None:
            if not current:
                child.stop()
        elif spec.wanted and not current:
            self._start(spec)

    def _start(self, spec: ChildSpec) -> None:
        self._failed.pop(spec.name, None)
        try:
            self._children[spec.name] = Child(spec)
        except OSError as error:
            self._children.pop(spec.name, None)
            failure = ChildStatus(spec.name, spec.generation, 0, "", 127, str(error))
            self._failed[spec.name] = failure
            _log(f"{spec.name} could not be started: {error}")

    def _report(self) -> None:
        children = [child.status() for child in self._children.values()]
        status = Status(
            os.getpid(), self._identity, self._detached, [*children, *self._failed.values()]
        )
        if status == self._reported:
            return
        for child in status.children:
            before = self._reported.child(child.name) if self._reported else None
            if before != child:
                _log(f"{child.name} (pid {child.pid}): {_in_words(child)}")
        self._reported = status
        if self._status_path.parent.exists():
            replace_file(self._status_path, status)

    def _owner_wants_us(self) -> bool:
        if self._detached:
            time.sleep(_PERIOD_SECONDS)
            return True
        readable, _, _ = select.select([0], [], [], _PERIOD_SECONDS)
        if readable:
            self._detached = os.read(0, 1) != b""
            _log("detached" if self._detached else "the owner is gone")
            return self._detached
        # A fork of the owner may hold the pipe open after the owner is gone.
        return is_alive(self._spec.owner_pid, self._spec.owner_identity)

    def _end(self) -> None:
        for child in self._children.values():
            child.stop()
        while any(child.poll() is None for child in self._children.values()):
            time.sleep(_PERIOD_SECONDS)
        self._report()
        _log("supervisor ends")
        for path in map(Path, self._spec.remove):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _in_words(child: ChildStatus) -> str:
    return "running" if child.exit_code is None else f"ended with exit code {child.exit_code}"


def _log(message: str) -> None:
    print(time.strftime("%Y-%m-%dT%H:%M:%S%z"), message, file=sys.stderr, flush=True)


def main() -> None:
    """Leave the starter's family, then supervise."""
    # Twice removed, so that who started us need not wait for us and leaves no zombie.
    if os.fork():
        os._exit(0)
    Supervisor(Path(sys.argv[1])).run()


if __name__ == "__main__":
    main()
