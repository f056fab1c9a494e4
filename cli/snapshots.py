"""`millrace documents snapshot`: taking snapshots of all documents and bringing them back."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, print_table, say, stdout
from contracts.errors import UsageError
from contracts.settings import Settings, load_settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch as Client

    from elk.documents.snapshots import Snapshots

app = typer.Typer(
    help="Take snapshots of all documents, and bring them back.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command()
def create(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Default: the prefix and the time.")
    ] = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Take a snapshot of all our indices; only what changed since the last one is written.

    Example: `millrace documents snapshot create`
    """
    with _snapshots(load_settings(elasticsearch=elasticsearch)) as (snapshots, _):
        made = snapshots.create(name)
    if json:
        print_json(made)
    else:
        stdout.print(f"{made.name}: {len(made.indices)} indices", markup=False)


@app.command("list")
def list_snapshots(elasticsearch: Elasticsearch = None, json: Json = False) -> None:
    """Show the snapshots there are, oldest first.

    Example: `millrace documents snapshot list`
    """
    with _snapshots(load_settings(elasticsearch=elasticsearch)) as (snapshots, _):
        found = snapshots.all()
    if json:
        print_json({"snapshots": found})
        return
    rows = [(s.name, f"{s.started_at:%Y-%m-%d %H:%M} UTC", len(s.indices), s.state) for s in found]
    print_table("Snapshots", ("name", "taken", "indices", "state"), rows)


@app.command()
def restore(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `list` shows it.")],
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Delete all our indices first; asks.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Bring all documents of a snapshot back, apart from those that were erased since.

    Stop the indexers first. Then `millrace documents rebuild` brings what came after the snapshot.

    Example: `millrace documents snapshot restore millrace-2026.03.01-09.30.00 --wipe`
    """
    from elk.documents.purging import purge
    from elk.erasure_log import known_erasures
    from prediction_log.template import install_template

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    if wipe and not yes:
        question = "Delete all our indices and restore the snapshot in their place?"
        if not sys.stdin.isatty():
            raise UsageError(f"{question} There is nobody to ask here: add --yes")
        typer.confirm(question, abort=True, err=True)
    erasures = known_erasures(settings)
    with _snapshots(settings) as (snapshots, client):
        indices = snapshots.restore(name, wipe=wipe)
        install_template(settings)  # the snapshot may be of an older release
        erased = purge(settings, client, erasures)
    documents = sum(index.documents for index in indices)
    if json:
        print_json({"indices": len(indices), "documents": documents, "erased_again": erased})
        return
    stdout.print(f"{len(indices)} indices with {documents:,} documents")
    if erased:
        stdout.print(f"{erased:,} of them were erased since, and are gone again")
    say("Next: millrace documents rebuild, which brings what came after the snapshot")


@contextmanager
def _snapshots(settings: Settings) -> Iterator[tuple["Snapshots", "Client"]]:
    from elk.documents.snapshots import Snapshots
    from prediction_log.client import connect, translated

    client = connect(settings, connections=1)
    try:
        with translated(settings):
            yield Snapshots(settings, client), client
    finally:
        client.close()
