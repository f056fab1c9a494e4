"""`millrace demo`: the whole main job on real flights, counted at the end."""

import sys
from typing import Annotated

import typer
from rich.table import Table

from cli.options import Json
from cli.output import print_json, say, stderr, stdout
from contracts.settings import load_settings


def demo(
    events: Annotated[
        int | None,
        typer.Option("--events", min=20, help="Exactly so many, spread evenly over the months."),
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", min=1, help="Events per second that are sent.")
    ] = 4000.0,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave stack and services running until `down`.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run the main job on real data and account for every event.

    Trains a model of flight delays on January and February 2013, publishes it, replays the
    flights from March on, publishes a second version while they flow, and counts in Kafka and
    Elasticsearch what became of every event. Exits with 0 only if nothing was lost or doubled.

    Example: `millrace demo --events 20000 --keep`
    """
    from examples.flights.demo import run
    from examples.flights.show import Show
    from examples.flights.summary import as_object, as_table

    settings = load_settings()
    outcome = run(settings, events, rate, keep, Show(stderr))
    if as_json:
        print_json(as_object(outcome))
    else:
        table: Table = as_table(outcome)
        stdout.print(table)
    if keep:
        where = load_settings(project_dir=settings.project_dir)
        say(f"Kafka {where.kafka}   Elasticsearch {where.elasticsearch_url}")
        say("Stack and services go on running: see 'millrace status', end with 'millrace down'.")
    if not outcome.nothing_lost_or_doubled:
        say("Events were lost or doubled: see .millrace/logs.")
        sys.exit(1)
