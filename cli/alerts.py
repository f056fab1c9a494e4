"""`millrace alerts`: which models drift or became worse, since when, and why."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import BootstrapServers, Json
from cli.output import print_json, print_table, stdout
from contracts.settings import load_settings

if TYPE_CHECKING:
    from contracts.alert_log import AlertCourse

_SHOWN = "%Y-%m-%d %H:%M"


def alerts(
    model: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Only this model; default: all.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that are over.")] = False,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Show which alerts are open, since when, and why.

    An alert says that a version that serves was beyond its limits of drift or performance in
    several windows; `millrace monitor` raises and resolves it by the [monitor] rule of its recipe.
    The times of windows are event times, UTC.

    Examples: `millrace alerts`, `millrace alerts flights --all`
    """
    from contracts.alert_log import AlertLog

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    with closing(AlertLog(settings)) as log:
        found = log.refreshed()
    chosen = [
        course
        for course in (found.courses if everything else found.open)
        if model in (None, course.raised.model)
    ]
    if json:
        print_json({"alerts": chosen})
    elif not chosen:
        stdout.print("there is no alert" if everything else "no alert is open")
    else:
        print_table(
            "Alerts",
            ("model", "version", "kind", "since", "windows to", "state", "why"),
            map(_row, chosen),
        )


def _row(course: "AlertCourse") -> tuple[object, ...]:
    raised, newest = course.raised, course.newest
    why = raised.reason if course.is_open else f"{raised.reason}; {newest.reason}"
    state = "open" if course.is_open else f"resolved {newest.at:{_SHOWN}}"
    since, until = f"{raised.at:{_SHOWN}}", f"{newest.window.end:{_SHOWN}}"
    return raised.model, raised.version, raised.kind, since, until, state, why
