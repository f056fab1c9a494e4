"""Where the programs and the data of all local stacks live: MILLRACE_HOME."""

import hashlib
import os
import re
import shutil
from pathlib import Path

from local_stack.errors import DiskSpaceError, HomeError

_ROOT_HOME = Path("/var/cache/millrace")
_SPARE_BYTES = 500_000_000


def millrace_home() -> Path:
    """The cache directory: MILLRACE_HOME, else the user's cache directory, for root a shared one.

    A root home is closed to the unprivileged user that runs the servers when we are root.
    """
    if chosen := os.environ.get("MILLRACE_HOME"):
        return Path(chosen).expanduser().absolute()
    if os.geteuid() == 0:
        return _ROOT_HOME
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser().absolute() / "millrace"


def prepare_home() -> Path:
    """Create the cache directory if needed; raises HomeError when it cannot be written."""
    home = millrace_home()
    try:
        missing = [path for path in (home, *home.parents) if not path.exists()]
        home.mkdir(parents=True, exist_ok=True)
        for path in missing:  # whatever our umask is: other users of this machine run from here
            path.chmod(0o755)
    except OSError as error:
        raise HomeError(_unusable(home, str(error.strerror))) from error
    if not os.access(home, os.W_OK | os.X_OK):
        raise HomeError(_unusable(home, "not writable"))
    return home


def _unusable(home: Path, reason: str) -> str:
    return (
        f"The cache directory {home} cannot be used ({reason}): "
        "set MILLRACE_HOME to a directory that you can write."
    )


def stack_home(home: Path, project_dir: Path) -> Path:
    """The data directory of one project's stack, stable for as long as the project stays there."""
    project = project_dir.resolve()
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", project.name)[:32]
    return home / "stacks" / f"{name}-{hashlib.sha256(os.fsencode(project)).hexdigest()[:12]}"


def require_disk(directory: Path, needed: int) -> None:
    """Raise DiskSpaceError unless `needed` bytes and some to spare are free at the directory."""
    free = shutil.disk_usage(directory).free
    if free < needed + _SPARE_BYTES:
        raise DiskSpaceError(
            f"{directory} has {free / 1e6:.0f} MB free, the local stack needs "
            f"{(needed + _SPARE_BYTES) / 1e6:.0f} MB: free some, or set MILLRACE_HOME to a "
            "directory on a larger disk."
        )
