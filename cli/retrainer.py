"""`millrace retrainer`: train again from the log what drifts or became worse."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, print_table, stdout
from contracts.settings import load_settings

if TYPE_CHECKING:
    from trainer.retraining.trail import Retraining


def retrainer(
    once: Annotated[
        bool, typer.Option("--once", help="Do what there is to do now, and end.")
    ] = False,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Answer alerts by the [retrain] rules of recipes, until SIGTERM or Ctrl-C.

    For an open alert of a champion it trains the recipe again on what was served and labelled,
    holds the candidate against the gate, and publishes it, or tells on `model-events` why not. It
    may be killed at any time and goes on with what it had begun. Of several one does the work.
    Needs the keys that sign packages and deployments.

    Examples: `millrace retrainer`, `millrace retrainer --once --json`
    """
    from contracts.telemetry import configure_logging
    from trainer.retraining.service import run
    from trainer.retraining.signals import stop_on_signals

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    configure_logging(settings, "retrainer")
    ended = run(settings, stop_on_signals(), once=once)
    if json:
        print_json({"retrainings": ended})
    elif once:
        _print(ended)


def _print(ended: "list[Retraining]") -> None:
    if not ended:
        stdout.print("there was nothing to do")
        return
    columns = ("model", "alert", "trained on, to", "candidate", "what became of it")
    print_table("Retrainings", columns, map(_row, ended))


def _row(one: "Retraining") -> tuple[object, ...]:
    candidate = one.candidate.version if one.candidate else None
    end = f"{one.window.end:%Y-%m-%d %H:%M}"
    return one.model, one.alert or "by schedule", end, candidate, one.ended
