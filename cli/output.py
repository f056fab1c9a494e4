"""How the command speaks: results to standard output, everything else to standard error."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE = 200
"""Columns of what is piped or written to a file, where nobody has a window to fill."""
_CONTROLS = {n: f"\\x{n:02x}" for n in (*range(32), *range(127, 160)) if chr(n) not in "\n\t"}


class _SafeConsole(Console):
    """Shows control characters, which may come from strangers, instead of obeying them."""

    def render_str(self, text: str, **options: Any) -> Text:
        """As Rich does it, without control characters in the text."""
        return super().render_str(text.translate(_CONTROLS), **options)


def _width(stream: Any) -> int | None:
    return None if stream.isatty() or "COLUMNS" in os.environ else _WIDE


stderr = _SafeConsole(stderr=True, highlight=False, width=_width(sys.stderr))
stdout = _SafeConsole(highlight=False, width=_width(sys.stdout))


def print_json(result: Any) -> None:
    """Write one JSON object as the last line of standard output."""
    sys.stdout.write(msgspec.json.encode(result).decode() + "\n")
    sys.stdout.flush()


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table for people."""
    table = Table(*columns, title=title, title_justify="left", header_style="bold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    stdout.print(table)


def say(sentence: str) -> None:
    """Write a sentence of progress for people, to standard error."""
    stderr.print(sentence, markup=False, soft_wrap=True)


def print_lines(lines: dict[str, object]) -> None:
    """A name and a value per line; values are never cut, so that they can be copied."""
    for name, value in lines.items():
        if value not in (None, ""):
            stdout.print(f"{name:<12}{value}", markup=False, soft_wrap=True)
