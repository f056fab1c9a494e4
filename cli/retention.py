"""`millrace retention`: summarise and delete what is older than what is kept."""

import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, print_table, stdout
from contracts.errors import UsageError
from contracts.settings import load_settings

if TYPE_CHECKING:
    from elk.retention.retaining import Retained

_SECONDS_OF_AN_HOUR = 3600


def retention(
    yes: Annotated[bool, typer.Option("--yes", help="Summarise and delete.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would go; the default.")
    ] = False,
    every: Annotated[
        float | None,
        typer.Option(
            min=0.01, metavar="HOURS", help="Do it now and so often again, until SIGTERM or Ctrl-C."
        ),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Delete indices of months that are older than MILLRACE_KEEP_MONTHS_… says, summaries first.

    Without such a setting nothing is old. Whole indices go, never one of a month that still counts.
    Before predictions, outcomes or dead letters go, their days are counted into summaries, and what
    performance and drift of their windows is not there is measured; where that fails they stay.

    Exit status: 0 all is done, 1 something old had to stay.

    Examples: `millrace retention`, `millrace retention --yes --json`,
    `millrace retention --every 24`
    """
    from cli.document_progress import DocumentProgress
    from contracts.telemetry import configure_logging
    from elk.retention.due import months_kept
    from elk.retention.retaining import retain, run

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    if dry_run and (yes or every is not None):
        raise UsageError("--dry-run changes nothing: leave out --yes and --every, or --dry-run")
    if every is not None:
        if json:
            raise UsageError("--json tells of one run: leave out --every")
        if not months_kept(settings):
            raise UsageError("everything is kept for ever: set MILLRACE_KEEP_MONTHS_PREDICTIONS")
        configure_logging(settings, "retention")
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        run(settings, every * _SECONDS_OF_AN_HOUR, stop.wait)
        return
    with DocumentProgress() as progress:
        done = retain(settings, act=yes, progress=progress)
    print_json(done) if json else _print(done)
    raise typer.Exit(1 if done.refused else 0)


def _print(done: "Retained") -> None:
    if not done.keep_months:
        stdout.print("everything is kept for ever: set MILLRACE_KEEP_MONTHS_PREDICTIONS or others")
        return
    if not done.old:
        stdout.print("nothing is older than what is kept")
        return
    what = "deleted" if done.acted else "would be deleted (--yes does it)"
    print_table(
        f"Older than what is kept: {what}",
        ("index", "documents", "stays because"),
        ((one.index, f"{one.documents:,}", one.refused or "") for one in done.old),
    )
    if done.acted:
        stdout.print(f"{done.summaries:,} documents of summaries were written")
    if done.managed:
        stdout.print(
            f"A policy of Elasticsearch (ILM) manages {len(done.managed)} of them, and deletes "
            "without summaries: remove its delete phase",
            soft_wrap=True,
        )
