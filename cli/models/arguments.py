"""Arguments that the commands about models share."""

from typing import Annotated

import typer

Name = Annotated[str, typer.Argument(metavar="NAME", help="The model.")]
Version = Annotated[
    str | None, typer.Argument(metavar="[VERSION]", help="Its version; default: the newest.")
]
NamedVersion = Annotated[str, typer.Argument(metavar="VERSION", help="Its version.")]
Reason = Annotated[
    str | None, typer.Option(metavar="TEXT", help="Why; kept in the history, for ever.")
]
Force = Annotated[
    bool, typer.Option("--force", help="Overrule the gate; asks for --reason, and is recorded.")
]
