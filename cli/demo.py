"""`millrace demo`: the whole main job on real flights, counted at the end."""

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from cli.options import Json
from cli.output import print_json, say, stderr, stdout
from contracts.errors import UsageError
from contracts.settings import Settings, load_settings

_RATE = 4000.0
_CONSOLE_SECONDS = 30.0
_KIBANA_SECONDS = 30.0


def demo(
    events: Annotated[
        int | None,
        typer.Option("--events", min=20, help="Exactly so many, spread evenly over the months."),
    ] = None,
    rate: Annotated[
        float, typer.Option("--rate", min=1, help="Events per second that are sent.")
    ] = _RATE,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave stack and services running until `down`.")
    ] = False,
    loop: Annotated[
        bool, typer.Option("--loop", help="Let drift be noticed and models be trained again.")
    ] = False,
    stationary: Annotated[
        bool,
        typer.Option("--stationary", help="With --loop: the same flights without any drift."),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="With --loop: draw both arms (.svg, .png)."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the main job on real data and account for every event.

    Trains a model of flight delays on January and February 2013, publishes it, replays the
    flights from March on, publishes a second version while they flow, and counts in Kafka and
    Elasticsearch what became of every event. Exits with 0 only if nothing was lost or doubled.

    With --loop nobody publishes a second version: labels arrive when the flights land, and the
    system notices by itself that the model gets worse, trains anew and replaces it. The first
    version goes on as a shadow, so that both are judged on the same flights.

    Examples: `millrace demo --events 20000 --keep`, `millrace demo --loop --plot loop.svg`
    """
    if not loop and (stationary or plot):
        raise UsageError("--stationary and --plot belong to --loop")
    settings = load_settings()
    if loop:
        fine = _loop(settings, events, rate, keep, stationary, plot, as_json)
    else:
        fine = _swap(settings, events, rate, keep, as_json)
    if keep:
        where = load_settings(project_dir=settings.project_dir)
        say(f"Kafka {where.kafka}   Elasticsearch {where.elasticsearch_url}")
        if console := _console(where):
            say(f"Console {console}")
        say("Stack and services go on running: see 'millrace status', end with 'millrace down'.")
    if settings.kibana is not None:
        _open_kibana_at_the_flights(settings)
    if not fine:
        say("Events were lost or doubled: see .millrace/logs.")
        sys.exit(1)


def _open_kibana_at_the_flights(settings: Settings) -> None:
    """Dashboards open at the last hours, in which no flight of 2013 is."""
    from contracts.errors import MillraceError
    from elk.dashboards.catalogue import dashboards
    from elk.dashboards.importing import import_objects, once_it_answers
    from elk.dashboards.intervals import Span
    from elk.dashboards.kibana import Kibana
    from elk.dashboards.saved_objects import as_ndjson, saved_objects
    from examples.flights.stream import FIRST, LAST

    there = Kibana(settings)
    ndjson = as_ndjson(saved_objects(settings, dashboards(), Span(FIRST, LAST)))
    try:
        once_it_answers(lambda: import_objects(there, ndjson), _KIBANA_SECONDS, say)
    except MillraceError as error:
        say(f"Kibana's dashboards do not open at the flights' time: {error}")
    else:
        say(f"Kibana {there.url}: its dashboards open at the flights' time")


def _console(settings: Settings) -> str | None:
    """The URL of the console that was left running, once it serves; none where none runs here."""
    from elk.console.serving import whereabouts
    from local_stack.services import list_services

    running = [one for one in list_services(settings.project_dir) if one.name == "console"]
    deadline = time.monotonic() + _CONSOLE_SECONDS
    while running and (pid := running[0].pid) and time.monotonic() < deadline:
        told = whereabouts(settings)
        if told is not None and told.pid == pid:
            return told.url
        time.sleep(0.1)
    return None


def _swap(settings: Settings, events: int | None, rate: float, keep: bool, as_json: bool) -> bool:
    from examples.flights.demo import run
    from examples.flights.show import Show
    from examples.flights.summary import as_object, as_table

    outcome = run(settings, events, rate, keep, Show(stderr))
    if as_json:
        print_json(as_object(outcome))
    else:
        stdout.print(as_table(outcome))
    return outcome.nothing_lost_or_doubled


def _loop(
    settings: Settings,
    events: int | None,
    rate: float,
    keep: bool,
    stationary: bool,
    plot: Path | None,
    as_json: bool,
) -> bool:
    from examples.flights.loop.run import run
    from examples.flights.loop.summary import as_object, as_table
    from examples.flights.show import Show

    outcome = run(
        settings,
        Show(stderr),
        events=events,
        rate=rate,
        keep=keep,
        stationary=stationary,
        plot=plot,
    )
    if as_json:
        print_json(as_object(outcome))
    else:
        stdout.print(as_table(outcome))
    return outcome.nothing_lost_or_doubled
