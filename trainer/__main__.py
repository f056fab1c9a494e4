"""`python -m trainer RECIPE…` trains each recipe in turn, the `millrace train` of a container;
`python -m trainer retrainer` runs the retrainer."""

import sys
from pathlib import Path

from rich.console import Console

from contracts.errors import MillraceError, UsageError
from contracts.settings import load_settings
from contracts.telemetry import configure_logging

RETRAINER = "retrainer"


def main(arguments: list[str]) -> int:
    """Train, or retrain until SIGTERM; the exit status is that of the command line."""
    console = Console(stderr=True)
    try:
        if arguments == [RETRAINER]:
            _retrain()
        elif not arguments or arguments[0].startswith("-"):
            raise UsageError(
                "name at least one recipe: python -m trainer RECIPE.toml …; or say: python -m "
                "trainer retrainer"
            )
        else:
            _train(arguments, console)
    except MillraceError as error:
        console.print(f"trainer: {error}", markup=False, highlight=False)
        return error.exit_status
    return 0


def _train(recipes: list[str], console: Console) -> None:
    from trainer.recipes import read_recipe
    from trainer.training import train  # scikit-learn, which the retrainer starts processes for

    settings = load_settings()
    configure_logging(settings, "trainer")
    for path in recipes:
        trained = train(read_recipe(Path(path)), settings, console)
        sys.stdout.write(f"{trained.model} {trained.version} {trained.digest}\n")


def _retrain() -> None:
    from trainer.retraining.service import run
    from trainer.retraining.signals import stop_on_signals

    settings = load_settings()
    configure_logging(settings, RETRAINER)
    run(settings, stop_on_signals())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
