"""`python -m trainer RECIPE…` trains each recipe in turn; the `millrace train` of a container."""

import sys
from pathlib import Path

from rich.console import Console

from contracts.errors import MillraceError, UsageError
from contracts.settings import load_settings
from contracts.telemetry import configure_logging
from trainer.recipes import read_recipe
from trainer.training import train


def main(arguments: list[str]) -> int:
    """Train; the exit status is that of the command line."""
    console = Console(stderr=True)
    try:
        if not arguments or arguments[0].startswith("-"):
            raise UsageError("name at least one recipe: python -m trainer RECIPE.toml …")
        settings = load_settings()
        configure_logging(settings, "trainer")
        for path in arguments:
            trained = train(read_recipe(Path(path)), settings, console)
            sys.stdout.write(f"{trained.model} {trained.version} {trained.digest}\n")
    except MillraceError as error:
        console.print(f"trainer: {error}", markup=False, highlight=False)
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
