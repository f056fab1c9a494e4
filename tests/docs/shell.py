"""A shell into which the blocks of a page are pasted, one after the other."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from docs.pages import Block
from service_processes import without_settings
from waiting import wait_until

_BLOCK_SECONDS = 240
_UP_SECONDS = 90
_SHOWN_LINES = 60
_PROGRAMS = Path(sys.executable).parent


class Shell:
    """Bash in a folder of the reader's own, with the command on its path; what a block exports or
    starts in the background stays for the next. It ends at the first command that fails."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self.folder = folder
        self._log = folder / "shell.log"
        self._pids = folder / "shell.pids"
        kept = without_settings()
        path = f"{_PROGRAMS}{os.pathsep}{os.environ['PATH']}"
        with self._log.open("wb") as log:
            self._bash = subprocess.Popen(
                ["bash", "--noprofile", "--norc", "-euxo", "pipefail"],
                cwd=folder,
                # Nobody looks at what would be opened in a browser.
                env=kept | variables | {"PATH": path, "BROWSER": "true"},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        self._run("PS4='+ ${SECONDS} s: '", "the beginning")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()

    @property
    def output(self) -> str:
        """What was written so far, with each command before what it says."""
        return self._log.read_text("utf-8", errors="replace")

    def paste(self, block: Block) -> None:
        """Run a block to its end; the test fails if one of its commands does."""
        self._run(block.code, f"{block.page}, line {block.line}")

    def export(self, **variables: str) -> None:
        """Set what a block asks its reader for."""
        given = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
        self._run(f"export {given}", given)

    def leave(self) -> None:
        """Have everything that blocks have left running end in order, once it takes signals."""
        self._run(f"jobs -p > '{self._pids}'", "the jobs")
        jobs = [int(pid) for pid in self._pids.read_text().split()]
        wait_until(lambda: all(map(self._would_end, jobs)), _UP_SECONDS, self._told)
        for order in ("kill", "wait"):
            self._run(
                "\n".join(f"{order} {job}" for job in jobs) or ":", f"the {order} of all jobs"
            )

    def _run(self, code: str, what: str) -> None:
        done = self.folder / "shell.done"
        done.unlink(missing_ok=True)
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{{\n{code}\n}} < /dev/null\n: > '{done}'\n")
        self._bash.stdin.flush()

        def over() -> bool:
            status = self._bash.poll()
            assert status is None, f"{what}: exit status {status}\n{self._told()}"
            return done.exists()

        wait_until(over, _BLOCK_SECONDS, lambda: f"the end of {what}\n{self._told()}")

    def _told(self) -> str:
        return "\n".join(self.output.splitlines()[-_SHOWN_LINES:])

    def _would_end(self, pid: int) -> bool:
        """Whether SIGTERM reaches what a service does about it, by the kernel's word (proc(5))."""
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except FileNotFoundError:
            raise AssertionError(f"a service has ended by itself\n{self._told()}") from None
        [caught] = re.findall(r"^SigCgt:\s*(\w+)", status, re.MULTILINE)
        return bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)
