"""Whether a command as it is written exists, by the tree of the `millrace` command."""

from collections.abc import Sequence
from typing import Any

import typer

from cli.main import app

ROOT: Any = typer.main.get_command(app)


def problem(arguments: Sequence[str]) -> str | None:
    """What is wrong with the arguments of `millrace`; None: nothing. Nothing is run."""
    command, path, positional = ROOT, ["millrace"], 0
    left = list(arguments)
    while left:
        word = left.pop(0)
        if word.startswith("-") and word != "-":
            name, equals, _ = word.partition("=")
            if name == "--help":
                continue
            option = _option(command, name)
            if option is None:
                return f"'{' '.join(path)}' has no option {name}"
            if option.nargs == 1 and not (option.is_flag or option.count or equals):
                del left[:1]
        elif hasattr(command, "commands"):
            found = command.commands.get(word)
            if found is None:
                return f"'{' '.join(path)}' has no command {word}"
            command, path = found, [*path, word]
        else:
            positional += 1
    taken = [one.nargs for one in command.params if one.param_type_name == "argument"]
    if -1 not in taken and positional > sum(taken):
        return f"'{' '.join(path)}' takes {sum(taken)} arguments, not {positional}"
    return None


def _option(command: Any, name: str) -> Any | None:
    options = [one for one in command.params if one.param_type_name == "option"]
    return next((one for one in options if name in (*one.opts, *one.secondary_opts)), None)
