"""The user that runs the servers: ourselves, or `nobody` when we are root.

Elasticsearch refuses to run as root, and neither server has any business to be it.
"""

import os
import pwd
import stat
from pathlib import Path
from typing import NamedTuple

from local_stack.errors import HomeError, PlatformError

_UNPRIVILEGED = ("nobody", "daemon")


class Account(NamedTuple):
    """A user and group to run as; `switch` says whether that is someone else than ourselves."""

    uid: int
    gid: int
    switch: bool


def server_account() -> Account:
    """The account for Kafka and Elasticsearch; raises PlatformError if root finds no other user."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), switch=False)
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_uid, entry.pw_gid, switch=True)
    raise PlatformError(
        "Elasticsearch does not run as root, and this system has no user 'nobody' to run it as: "
        "run the command as an ordinary user."
    )


def closed_ancestor(path: Path, account: Account) -> Path | None:
    """The first directory on the way to `path` that the account cannot pass, None if it can.

    Judged by the mode bits alone: an access list that grants more is not seen, and costs a copy.
    """
    for directory in reversed([path, *path.parents]):
        status = directory.stat()
        if status.st_uid == account.uid:
            needed = stat.S_IXUSR
        elif status.st_gid == account.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            return directory
    return None


def require_passage(home: Path, account: Account) -> None:
    """Raise HomeError when the servers' account cannot reach the cache directory."""
    closed = closed_ancestor(home, account) if account.switch else None
    if closed is not None:
        raise HomeError(
            f"Root starts the servers as user {account.uid}, which cannot reach {home} because "
            f"{closed} is closed to others: set MILLRACE_HOME to a directory that is not."
        )


def private_directory(path: Path, account: Account) -> Path:
    """Create `path` for the account alone (mode 0700)."""
    path.mkdir(mode=0o700, exist_ok=True)
    path.chmod(0o700)
    if account.switch:
        os.chown(path, account.uid, account.gid)
    return path


def private_file(path: Path, content: str, account: Account) -> Path:
    """Write a file that only the account reads (mode 0600): settings may hold passwords."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
        if account.switch:
            os.fchown(file.fileno(), account.uid, account.gid)
    return path
