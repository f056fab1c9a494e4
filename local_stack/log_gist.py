"""The few lines of a server's log that say why it ended."""

import re
from pathlib import Path

_TELLING = re.compile(r"\b(ERROR|FATAL|WARN|Exception|Caused by|error|fatal)\b|Exception|Error:")
_FRAME = re.compile(r"^\s+at |^\s*\.\.\. ")
_PORT_TAKEN = re.compile(r"Address already in use|BindException|BindHttpException|BindTransport")
_READ_BYTES = 200_000
_LINES = 3
_LINE_CHARACTERS = 300


def _since(log: Path, offset: int) -> list[str]:
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(offset if offset <= size else 0, size - _READ_BYTES))
            return file.read().decode(errors="replace").splitlines()
    except OSError:
        return []


def log_gist(log: Path, offset: int) -> str:
    """The last telling lines written since `offset` bytes, in one line; says so if none were."""
    return gist(_since(log, offset))


def gist(output: list[str]) -> str:
    """The last telling lines of a program's output, in one line; says so if it wrote none."""
    lines = [line.strip() for line in output if line.strip() and not _FRAME.match(line)]
    telling = [line for line in lines if _TELLING.search(line)] or lines
    unique = list(dict.fromkeys(line[:_LINE_CHARACTERS] for line in telling))
    return " | ".join(unique[-_LINES:]) or "it wrote nothing"


def says_port_taken(log: Path, offset: int) -> bool:
    """Whether the log since `offset` tells that a port could not be opened."""
    return any(_PORT_TAKEN.search(line) for line in _since(log, offset))
