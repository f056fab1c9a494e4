"""What Kafka and Elasticsearch have in common as programs to start: where, as whom, how ready."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from local_stack.account import Account, private_directory
from local_stack.errors import StartError
from local_stack.log_gist import gist
from local_stack.supervision_files import ChildSpec

_PREPARATION_SECONDS = 60


class Place(NamedTuple):
    """Where a server keeps its things, and as whom it runs; the directory is the account's own."""

    directory: Path
    log: Path
    account: Account


class Server(NamedTuple):
    """A server that is ready to be started; `is_healthy` asks it, in at most a second or two."""

    name: str
    child: ChildSpec
    endpoint: str
    is_healthy: Callable[[], bool]


def child_of(
    name: str, place: Place, cwd: Path, argv: list[str], env: dict[str, str], stop_seconds: float
) -> ChildSpec:
    """The process of a server, in a small environment that is the same on every machine."""
    switch = place.account.switch
    return ChildSpec(
        name=name,
        argv=argv,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(place.directory), **env},
        cwd=str(cwd),
        log=str(place.log),
        uid=place.account.uid if switch else None,
        gid=place.account.gid if switch else None,
        stop_seconds=stop_seconds,
    )


def temporary_directory(place: Place) -> Path:
    """An empty directory for what the server's programs leave behind at every start."""
    path = place.directory / "tmp"
    shutil.rmtree(path, ignore_errors=True)
    return private_directory(path, place.account)


def prepare(child: ChildSpec, what: str, entered: str = "") -> None:
    """Run a program to its end before the server starts, with `entered` as its standard input.

    Raises StartError, which says that `what` failed and why.
    """
    done = subprocess.run(
        child.argv,
        env=child.env,
        cwd=child.cwd,
        input=entered,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_PREPARATION_SECONDS,
        user=child.uid,
        group=child.gid,
        extra_groups=None if child.uid is None else [],
        umask=0o077,
    )
    if done.returncode != 0:
        raise StartError(f"{what} failed: {gist(done.stdout.splitlines())}.")
