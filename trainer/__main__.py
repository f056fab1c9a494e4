"""What containers run: `python -m trainer RECIPE…` trains each recipe in turn, `… judge` judges
canaries, `… retrainer` answers alerts."""

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from contracts.errors import MillraceError
from contracts.settings import Settings, load_settings
from contracts.telemetry import configure_logging

if TYPE_CHECKING:
    from trainer.training import TrainedVersion

JUDGE, RETRAINER = "judge", "retrainer"


def parser() -> argparse.ArgumentParser:
    """The options, in the words of `millrace train`."""
    options = argparse.ArgumentParser(
        "python -m trainer",
        description="Train each recipe in turn; or judge canaries or answer alerts until SIGTERM.",
        epilog="example: python -m trainer recipes/fraud.toml --publish --if-better",
    )
    options.add_argument(
        "recipes", nargs="+", metavar="RECIPE.toml", help=f"or the word {JUDGE} or {RETRAINER}"
    )
    options.add_argument("--publish", action="store_true", help="if the gate passes it")
    options.add_argument("--if-better", action="store_true", help="and it beats the champion")
    return options


def main(arguments: list[str]) -> int:
    """Train, judge or retrain; the exit status is that of the command line."""
    given = parser().parse_args(arguments)
    console = Console(stderr=True)
    try:
        if given.recipes == [JUDGE]:
            return _judge(load_settings())
        if given.recipes == [RETRAINER]:
            return _retrain(load_settings())
        return _train(given, load_settings(), console)
    except MillraceError as error:
        console.print(f"trainer: {error}", markup=False, highlight=False)
        return error.exit_status


def _train(given: argparse.Namespace, settings: Settings, console: Console) -> int:
    # scikit-learn, which the retrainer starts processes for
    from trainer.recipes import read_recipe
    from trainer.releasing import NOT_PUBLISHED, require_publish, train_and_publish
    from trainer.training import train

    require_publish(given.publish, given.if_better)
    configure_logging(settings, "trainer")
    all_published = True
    for recipe in map(read_recipe, map(Path, given.recipes)):
        if not given.publish:
            _tell(train(recipe, settings, console))
            continue
        trained, release = train_and_publish(recipe, settings, console, if_better=given.if_better)
        _tell(trained, "published" if release.published else f"not published: {release.reason}")
        all_published &= release.published
    return 0 if all_published else NOT_PUBLISHED


def _tell(trained: "TrainedVersion", what: str = "") -> None:
    sys.stdout.write(f"{trained.model} {trained.version} {trained.digest} {what}".rstrip() + "\n")


def _judge(settings: Settings) -> int:
    from trainer.canaries.judging import watch

    configure_logging(settings, JUDGE)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    watch(settings, stop)
    return 0


def _retrain(settings: Settings) -> int:
    from trainer.retraining.service import run
    from trainer.retraining.signals import stop_on_signals

    configure_logging(settings, RETRAINER)
    run(settings, stop_on_signals())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
