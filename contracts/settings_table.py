"""The table of all settings, written for people: `python -m contracts.settings_table`."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin

from pydantic import FilePath, SecretStr
from pydantic.fields import FieldInfo

from contracts.connection_security import ConnectionSecurity
from contracts.settings import Settings

_INTRODUCTION = """\
<!-- Generated from contracts/settings.py by `make docs`: change it there. -->
# Settings

Every service and every command reads these environment variables, on this machine and in
containers alike. An empty one counts as not set. In place of a secret, `<variable>_FILE` may name
the file that holds it, which nobody but its owner and group may open.

| variable | default | what it is |
|---|---|---|
"""
_NOT_SETTINGS = """
Two more say where things are on this machine, and concern no service:

| variable | default | what it is |
|---|---|---|
| `MILLRACE_HOME` | the user's cache folder, for root `/var/cache/millrace` | \
Programs and data of the local stack (folder) |
| `MILLRACE_TEST_STACK` | `auto` | \
Servers that the tests run on (`auto` or `docker` or `local`) |
"""
_KINDS: dict[object, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    Path: "folder",
    FilePath: "file",
    SecretStr: "secret",
}


def table() -> str:
    """The Markdown of `docs/settings.md`."""
    return _INTRODUCTION + "".join(f"{row}\n" for row in _rows()) + _NOT_SETTINGS


def _rows() -> Iterator[str]:
    prefix = Settings.model_config["env_prefix"]
    # What every installation sets comes first, then what a protected one adds.
    fields = Settings.model_fields
    for name in sorted(fields, key=lambda name: name in ConnectionSecurity.model_fields):
        field = fields[name]
        default = "" if field.default is None else f"`{_shown(field.default)}`"
        text = f"{field.description} ({', '.join(_accepted(field))})".replace("|", "\\|")
        yield f"| `{prefix}{name.upper()}` | {default} | {text} |"


def _accepted(field: FieldInfo) -> Iterator[str]:
    """What values may be: their kind, then their limits."""
    yield _kind(field.annotation)
    for limit in field.metadata:
        if (least := getattr(limit, "ge", None)) is not None:
            yield f"at least {least}"
        if (beyond := getattr(limit, "gt", None)) is not None:
            yield f"more than {beyond}"
        if (most := getattr(limit, "le", None)) is not None:
            yield f"at most {most}"


def _kind(annotation: object) -> str:
    if get_origin(annotation) in (Union, UnionType):
        (annotation,) = (kind for kind in get_args(annotation) if kind is not NoneType)
    if get_origin(annotation) is Literal:
        return " or ".join(f"`{choice}`" for choice in get_args(annotation))
    return _KINDS[annotation]


def _shown(default: object) -> str:
    return str(default) if default != "" else '""'


if __name__ == "__main__":
    sys.stdout.write(table())
