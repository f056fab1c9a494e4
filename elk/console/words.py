"""Figures, times and their order as people read them; times are UTC."""

import re
from datetime import datetime
from typing import Any

from elk.dashboards.answers import Cell

NOTHING = "–"
_MOST_CHARACTERS = 2000
_DIGITS = re.compile(r"(\d+)")
_FIRST = ("champion", "canary", "shadow", "true", "false", "right", "wrong")


def natural(name: str) -> tuple[Any, ...]:
    """Orders roles as people name them, what is true first, and version 10 after version 9."""
    rank = _FIRST.index(name) if name in _FIRST else len(_FIRST)
    return (rank, [(int(p), "") if p.isdigit() else (-1, p) for p in _DIGITS.split(name)])


def figure(value: Cell, decimals: int) -> str:
    """A figure of a metric."""
    if isinstance(value, float):
        return f"{value:,.{decimals}f}"
    return known(value)


def known(value: object) -> str:
    """What stands in a document: numbers that are ids as they are, long texts cut."""
    if value is None or value == "":
        return NOTHING
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, datetime):
        return moment(value)
    text = str(value)
    return text if len(text) <= _MOST_CHARACTERS else text[:_MOST_CHARACTERS] + " …"


def moment(value: datetime | str) -> str:
    """A time to the second; as it stands where it is none."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        return str(value)
    return f"{found:%Y-%m-%d %H:%M:%S}"
