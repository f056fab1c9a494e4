"""Temporary stacks: deleted when they end, or by the next start if they were all killed at once."""

import os
import shutil
from pathlib import Path

import msgspec

from local_stack.process_identity import is_alive, own_identity
from local_stack.supervision_files import read_file, replace_file

_MARK = "temporary.json"


class _Mark(msgspec.Struct, frozen=True):
    owner_pid: int
    owner_identity: str
    project: str


def mark_temporary(data: Path, project_dir: Path) -> None:
    """Note that this stack's data and project are of no use once this process has ended."""
    replace_file(data / _MARK, _Mark(os.getpid(), own_identity(), str(project_dir)))


def sweep(home: Path) -> None:
    """Delete the temporary stacks whose owners have ended."""
    for path in (home / "stacks").glob(f"*/{_MARK}"):
        mark = read_file(path, _Mark)
        if mark is not None and not is_alive(mark.owner_pid, mark.owner_identity):
            shutil.rmtree(mark.project, ignore_errors=True)
            shutil.rmtree(path.parent, ignore_errors=True)
