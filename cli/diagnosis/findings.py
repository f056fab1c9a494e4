"""What an examination finds: how bad, what, and what to do about it."""

from typing import Literal

from msgspec import Struct

Severity = Literal["error", "warning", "ok"]


class Finding(Struct, frozen=True):
    """One finding; `error`: it does not work, `warning`: it may soon not, or not as meant."""

    severity: Severity
    check: str
    what: str
    todo: str = ""


def error(check: str, what: str, todo: str) -> Finding:
    """Something that does not work."""
    return Finding("error", check, what, todo)


def warning(check: str, what: str, todo: str) -> Finding:
    """Something that may soon not work, or works otherwise than meant."""
    return Finding("warning", check, what, todo)


def ok(check: str, what: str) -> Finding:
    """Something that was looked at and is as it should be."""
    return Finding("ok", check, what)
