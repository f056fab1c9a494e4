"""The `millrace` command as a process of its own that need not import everything first.

A process that has imported it and done nothing else forks one for each call: with the entry point,
environment, folder, streams and exit status that a shell would give it, and two seconds sooner.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

Result = subprocess.CompletedProcess[str]

_SECONDS = 240
_FORKING = multiprocessing.get_context("forkserver")
# What most commands import when they need it.
_FORKING.set_forkserver_preload(["cli.main", "trainer.training", "prediction_log.reader"])


def millrace(*arguments: str, folder: Path, environment: Mapping[str, str]) -> Result:
    """Run the command to its end, with nothing to read from.

    Raises:
        TimeoutError: it does not end by itself.
    """
    with tempfile.TemporaryDirectory() as scratch:
        streams = [Path(scratch, name) for name in ("stdout", "stderr")]
        process = _FORKING.Process(
            target=_run, args=(list(arguments), folder, dict(environment), streams)
        )
        process.start()
        process.join(_SECONDS)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f"millrace {' '.join(arguments)} does not end")
        out, err = (path.read_text("utf-8", "replace") if path.exists() else "" for path in streams)
        return subprocess.CompletedProcess(arguments, process.exitcode, out, err)


def _run(
    arguments: list[str], folder: Path, environment: dict[str, str], streams: list[Path]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, path in enumerate(streams, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["millrace", *arguments]
    from cli.main import run  # imported before it was forked

    run()
