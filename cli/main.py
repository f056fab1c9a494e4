"""The root of the `millrace` command: assembles the groups and turns errors into one sentence."""

import sys

import click
import typer
from rich.markup import escape

from cli import (
    alerts,
    console,
    dashboards,
    dead_letters,
    demo,
    doctor,
    documents,
    drift,
    judge,
    models,
    monitor,
    produce,
    rescore,
    retention,
    retrainer,
    services,
    stack,
    status,
    train,
)
from cli.output import stderr
from contracts.errors import MillraceError
from contracts.telemetry import log_warnings_only
from local_stack.errors import LocalStackError

app = typer.Typer(
    name="millrace",
    help="Streaming inference on Kafka, every prediction in Elasticsearch.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.command("up")(stack.up)
app.command("down")(stack.down)
app.command("status")(status.status)
app.command("doctor")(doctor.doctor)
app.command("setup")(stack.setup)
app.command("demo")(demo.demo)
app.command("train")(train.train)
app.add_typer(models.app, name="models")
app.command("produce")(produce.produce)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(documents.app, name="documents")
app.command("retention")(retention.retention)
app.add_typer(drift.app, name="drift")
app.add_typer(dashboards.app, name="dashboards")
app.command("worker")(services.worker)
app.command("indexer")(services.indexer)
app.command("monitor")(monitor.monitor)
app.command("console")(console.console)
app.command("judge")(judge.judge)
app.command("rescore")(rescore.rescore)
app.command("alerts")(alerts.alerts)
app.command("retrainer")(retrainer.retrainer)


def _explain(error: Exception) -> None:
    stderr.print(f"[bold red]millrace:[/] {escape(str(error))}", soft_wrap=True)


def run() -> None:
    """Entry point: 0 done, else as `contracts.errors` tells."""
    log_warnings_only()  # services set up their own
    try:
        app()
    except MillraceError as error:
        _explain(error)
        sys.exit(error.exit_status)
    except LocalStackError as error:
        _explain(error)
        sys.exit(1)
    except click.exceptions.Abort:
        sys.exit(130)
