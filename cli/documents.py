"""`millrace documents`: rebuilding, comparing and erasing what Elasticsearch holds."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli import snapshots
from cli.moments import moment, span
from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, stdout
from contracts.errors import UsageError
from contracts.settings import Settings, load_settings

if TYPE_CHECKING:
    from elk.documents.our_indices import Index

app = typer.Typer(
    help="Rebuild Elasticsearch from Kafka, compare the two, erase an entity, take snapshots.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.add_typer(snapshots.app, name="snapshot")

_EXAMPLES = 10
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
Wait = Annotated[
    str, typer.Option("--wait", metavar="TIME", help="How long the services may take to catch up.")
]


@app.command()
def rebuild(
    wipe: Annotated[
        bool, typer.Option("--wipe", help="Delete the indices first that come from Kafka; asks.")
    ] = False,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only records sent since then: 2h, 3d, 2026-03-01."),
    ] = None,
    yes: Yes = False,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Write all documents once more from what Kafka holds: from its first record to its last.

    A document that is there stays as it is. Indexers and workers may run meanwhile; their
    positions are not touched. What is older than Kafka's retention comes back from snapshots only.

    Examples: `millrace documents rebuild`, `millrace documents rebuild --wipe --yes`
    """
    from cli.document_progress import DocumentProgress
    from elk.documents.rebuilding import rebuild as rebuild_documents

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    if wipe and since:
        raise UsageError("--wipe deletes everything, so all of it must be read: leave out --since")
    start = moment(since)
    deleted = _wipe(settings, yes) if wipe else []
    with DocumentProgress() as progress:
        rebuilt = rebuild_documents(settings, progress.records, start)
    if json:
        print_json({"deleted_indices": [index.name for index in deleted], "rebuilt": rebuilt})
        return
    total = sum(rebuilt.records.values())
    for topic, count in rebuilt.records.items():
        stdout.print(f"{count:>12,}  records of {topic}", markup=False)
    stdout.print(f"{rebuilt.documents:>12,}  of {total:,} records are documents now")
    if rebuilt.outcomes:
        stdout.print(f"{rebuilt.outcomes:>12,}  outcomes were missing or not as they ought to be")
    if rebuilt.rejected:
        stdout.print(f"{rebuilt.rejected:>12,}  cannot become one; see millrace dead-letters list")
    if rebuilt.erased:
        stdout.print(f"{rebuilt.erased:>12,}  were left out: their entities were erased")


@app.command()
def compare(
    wait: Wait = "30s",
    examples: Annotated[
        int, typer.Option(min=0, metavar="N", help="Differences shown of each kind and topic.")
    ] = _EXAMPLES,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Compare all documents with all records that Kafka holds, one by one.

    Knows of redeliveries, dead letters, erasures and Kafka's retention; services may run
    meanwhile. Exit status: 0 all is right, 1 documents are missing or too many.

    Example: `millrace documents compare --wait 2m`
    """
    from cli.document_progress import DocumentProgress
    from cli.document_tables import print_comparison
    from elk.documents.comparing import compare as compare_documents

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    seconds = span(wait).total_seconds()
    with DocumentProgress() as progress:
        found = compare_documents(settings, progress, wait_seconds=seconds, examples=examples)
    print_json(found) if json else print_comparison(found)
    raise typer.Exit(0 if found.equal else 1)


@app.command()
def erase(
    entity: Annotated[str, typer.Option(metavar="ID", help="The entity, as its events name it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be erased; change nothing.")
    ] = False,
    wait: Wait = "2m",
    yes: Yes = False,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Erase the data of an entity: predictions, labels, outcomes, dead letters; for good.

    What was sent until now does not come back by a rebuild, a redelivery or a restored snapshot.
    What is sent later is new data and stays. It ends by saying what remains where, and until when.

    Examples: `millrace documents erase --entity N14228 --dry-run`,
    `millrace documents erase --entity N14228 --yes`
    """
    from datetime import UTC, datetime

    from cli.document_progress import DocumentProgress
    from cli.document_tables import print_erased
    from elk.documents.erasing import Eraser
    from elk.documents.remains import kept_by_kafka

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    kept_by_kafka(settings, datetime.now(UTC))  # what cannot be told afterwards fails before
    if not dry_run:
        _confirm(f"Erase all data of '{entity}'? This cannot be undone.", yes)
    seconds = span(wait).total_seconds()
    with DocumentProgress() as progress:
        erased = Eraser(settings, entity, progress, seconds).run(dry_run=dry_run)
    kept = kept_by_kafka(settings, datetime.now(UTC))
    print_json({"erased": erased, "kept_by_kafka": kept}) if json else print_erased(erased, kept)


def _wipe(settings: Settings, yes: bool) -> list["Index"]:
    from elk.documents.our_indices import delete_indices, indices_from_kafka
    from prediction_log.client import connect, translated

    client = connect(settings, connections=1)
    try:
        with translated(settings):
            indices = indices_from_kafka(settings, client)
            documents = sum(index.documents for index in indices)
            _confirm(
                f"Delete {len(indices)} indices with {documents:,} documents? What Kafka does not "
                "hold any more comes back from snapshots only.",
                yes or not indices,
            )
            delete_indices(client, indices)
    finally:
        client.close()
    return indices


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError(f"{question} There is nobody to ask here: add --yes")
    typer.confirm(question, abort=True, err=True)
