"""What containers run: `python -m trainer RECIPE…` trains each recipe in turn, `… judge` judges."""

import argparse
import signal
import sys
import threading
from pathlib import Path

from rich.console import Console

from contracts.errors import MillraceError
from contracts.settings import Settings, load_settings
from contracts.telemetry import configure_logging
from trainer.canaries.judging import watch
from trainer.recipes import read_recipe
from trainer.releasing import NOT_PUBLISHED, require_publish, train_and_publish
from trainer.training import TrainedVersion, train


def parser() -> argparse.ArgumentParser:
    """The options, in the words of `millrace train`."""
    options = argparse.ArgumentParser(
        "python -m trainer",
        description="Train each recipe in turn, or judge canaries until SIGTERM.",
        epilog="example: python -m trainer recipes/fraud.toml --publish --if-better",
    )
    options.add_argument("recipes", nargs="+", metavar="RECIPE.toml", help="or the word judge")
    options.add_argument("--publish", action="store_true", help="if the gate passes it")
    options.add_argument("--if-better", action="store_true", help="and it beats the champion")
    return options


def main(arguments: list[str]) -> int:
    """Train or judge; the exit status is that of the command line."""
    given = parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        if given.recipes == ["judge"]:
            return _judge(load_settings())
        require_publish(given.publish, given.if_better)
        settings = load_settings()
        configure_logging(settings, "trainer")
        released = [
            _release(Path(path), settings, console, if_better=given.if_better)
            if given.publish
            else _train(Path(path), settings, console)
            for path in given.recipes
        ]
    except MillraceError as error:
        console.print(f"trainer: {error}", markup=False, highlight=False)
        return error.exit_status
    return 0 if all(released) else NOT_PUBLISHED


def _train(recipe: Path, settings: Settings, console: Console) -> bool:
    _tell(train(read_recipe(recipe), settings, console))
    return True


def _release(recipe: Path, settings: Settings, console: Console, *, if_better: bool) -> bool:
    """Whether it was published."""
    trained, release = train_and_publish(
        read_recipe(recipe), settings, console, if_better=if_better
    )
    _tell(trained, "published" if release.published else f"not published: {release.reason}")
    return release.published


def _tell(trained: TrainedVersion, what: str = "") -> None:
    sys.stdout.write(f"{trained.model} {trained.version} {trained.digest} {what}".rstrip() + "\n")


def _judge(settings: Settings) -> int:
    configure_logging(settings, "judge")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watch(settings, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
