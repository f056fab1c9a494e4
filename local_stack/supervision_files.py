"""What a supervisor and those who ask something of it write to each other: two small files.

`spec.json` says what should run and is replaced by whoever wants a change; `status.json` says what
does run and is replaced by the supervisor. Both always hold one complete document.
"""

import os
import tempfile
from pathlib import Path
from typing import TypeVar

import msgspec

Document = TypeVar("Document", bound=msgspec.Struct)


class ChildSpec(msgspec.Struct, frozen=True):
    """A process that should run; a higher `generation` than the one started means: start again.

    `env` is the whole environment. `log` gets standard output and error. With `wanted` false the
    process is ended. `uid` and `gid` are those to run as, None for the supervisor's own.
    `stop_seconds` pass between SIGTERM and SIGKILL.
    """

    name: str
    argv: list[str]
    env: dict[str, str]
    cwd: str
    log: str
    generation: int = 1
    wanted: bool = True
    uid: int | None = None
    gid: int | None = None
    stop_seconds: float = 20.0


class Spec(msgspec.Struct, frozen=True):
    """What one supervisor runs; the files and directories in `remove` are deleted when it ends."""

    children: list[ChildSpec]
    owner_pid: int
    owner_identity: str
    remove: list[str] = []


class ChildStatus(msgspec.Struct, frozen=True):
    """A process that was started; `exit_code` (negative: by that signal) once it has ended."""

    name: str
    generation: int
    pid: int
    identity: str
    exit_code: int | None = None
    failure: str | None = None


class Status(msgspec.Struct, frozen=True):
    """What one supervisor runs; `detached` once it no longer ends with its owner."""

    pid: int
    identity: str
    detached: bool = False
    children: list[ChildStatus] = []

    def child(self, name: str) -> ChildStatus | None:
        """The child of that name, None if it was never started."""
        return next((child for child in self.children if child.name == name), None)


def replace_file(path: Path, document: msgspec.Struct) -> None:
    """Write a document in one step, readable by its owner alone (it may hold passwords)."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(document), indent=1))
    Path(name).replace(path)


def read_file(path: Path, kind: type[Document]) -> Document | None:
    """The document, None when there is none or it is damaged (then it is as good as absent)."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None
