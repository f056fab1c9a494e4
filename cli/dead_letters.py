"""`millrace dead-letters`: what could not be processed and why, and replaying it once mended."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from cli.moments import moment, span
from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, stdout
from contracts.dead_letters import Reason, Stage
from contracts.errors import UsageError
from contracts.settings import Settings, load_settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch as Client

    from elk.dead_letters.selection import Selection
    from prediction_log.indices import IndexNames

app = typer.Typer(
    help="Find out what could not be processed and why, and replay it once that is mended.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_LIMIT = 20


def _filter(name: str, help: str, metavar: str) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(name, metavar=metavar, help=help)
    return option


Reasons = Annotated[
    list[str] | None,
    _filter("--reason", "Only letters of this reason, e.g. unknown_model; may be repeated.", "R"),
]
Models = Annotated[
    list[str] | None, _filter("--model", "Only of this model; '-': of none.", "NAME")
]
Producers = Annotated[
    list[str] | None, _filter("--producer", "Only from this producer ('unknown').", "NAME")
]
Stages = Annotated[
    list[str] | None, _filter("--stage", "Only set aside by 'worker' or 'indexer'.", "STAGE")
]
Ids = Annotated[list[str] | None, _filter("--id", "Only this letter; may be repeated.", "ID")]
Since = Annotated[
    str | None, _filter("--since", "Set aside since then: 2h, 3d, 2026-03-01T09:30Z.", "TIME")
]
Until = Annotated[str | None, _filter("--until", "Set aside before then.", "TIME")]


@app.command("list")
def list_letters(
    reason: Reasons = None,
    model: Models = None,
    producer: Producers = None,
    stage: Stages = None,
    id: Ids = None,
    since: Since = None,
    until: Until = None,
    open: Annotated[bool, typer.Option("--open", help="Only what is open.")] = False,
    group_by: Annotated[
        str, typer.Option(metavar="FIELDS", help="Of reason, model, producer, stage.")
    ] = "reason,model,producer",
    letters: Annotated[
        bool, typer.Option("--letters", help="Single letters, the newest first.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", min=1, metavar="N", help="Most letters shown.")
    ] = _LIMIT,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Show dead letters, grouped by what is wrong with them.

    A letter is *open*; *claimed* (its replay was begun, and whether it was sent is not known: see
    `recover`); *replayed* (sent, no outcome yet); *failed again* (as another letter); or
    *resolved* (it has become a document).

    Examples: `millrace dead-letters list --since 2h`,
    `millrace dead-letters list --reason unknown_model --letters --open`
    """
    from cli.dead_letter_tables import as_listed, print_groups, print_letters
    from elk.dead_letters.groups import group_letters
    from elk.dead_letters.listing import newest_letters
    from elk.dead_letters.selection import GROUP_FIELDS
    from prediction_log.replays import read_replays

    settings = load_settings(elasticsearch=elasticsearch)
    chosen = _selection(reason, model, producer, stage, id, since, until)
    fields = [name.strip() for name in group_by.split(",")]
    if unknown := [name for name in fields if name not in GROUP_FIELDS]:
        raise UsageError(
            f"letters cannot be grouped by '{unknown[0]}': choose of {', '.join(GROUP_FIELDS)}"
        )
    with _elasticsearch(settings) as (client, names):
        replays = read_replays(client, names)
        if letters:
            found = newest_letters(client, names, chosen, replays, only_open=open, limit=limit)
            listed = [as_listed(letter) for letter in found]
            print_json({"letters": listed}) if json else print_letters(found)
            return
        groups = group_letters(client, names, chosen, fields, replays)
    groups = [group for group in groups if group.states["open"] or not open]
    print_json({"groups": groups}) if json else print_groups(groups, fields)


@app.command()
def show(
    id: Annotated[str, typer.Argument(metavar="ID", help="The letter, as `list` shows it.")],
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Show all of one letter: why, where from, what became of it, its original bytes and headers.

    Example: `millrace dead-letters show 6fJt0xL9T5iVb1XG0o4QxA-3-41`
    """
    from cli.dead_letter_tables import as_shown, print_letter
    from elk.dead_letters.listing import one_letter
    from elk.dead_letters.originals import Originals

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    with _elasticsearch(settings) as (client, names):
        letter = one_letter(client, names, id)
    originals = Originals(settings)
    try:
        stored = letter.document.dead_letter.stored
        original = originals.read([stored]).get(stored) if stored else None
    finally:
        originals.close()
    shown = as_shown(letter, original)
    print_json(shown) if json else print_letter(shown)


@app.command()
def replay(
    reason: Reasons = None,
    model: Models = None,
    producer: Producers = None,
    stage: Stages = None,
    id: Ids = None,
    since: Since = None,
    until: Until = None,
    all: Annotated[bool, typer.Option("--all", help="All open letters.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be replayed; change nothing.")
    ] = False,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Replay open letters once what was wrong is mended; each at most once, whoever else does it.

    Events that no worker could score go back onto their topic, as they were. Documents that
    Elasticsearch refused are indexed again, under the ids they always had. Exit status: 0 all that
    was selected and open is replayed, 1 something was left or failed, 2 a mistake in the command.

    Examples: `millrace dead-letters replay --reason unknown_model --model fraud --dry-run`,
    `millrace dead-letters replay --since 3h`
    """
    from cli.dead_letter_tables import print_report
    from cli.replay_progress import ReplayProgress
    from elk.dead_letters.letters import WITHOUT_CONTENT, find_letters
    from elk.dead_letters.listing import count_letters, missing_ids
    from elk.dead_letters.replaying import LETTERS_AT_ONCE, Replayer, Report
    from prediction_log.replays import read_replays
    from prediction_log.template import install_template

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    chosen = _selection(reason, model, producer, stage, id, since, until)
    if chosen.is_everything and not all:
        raise UsageError(
            "say which letters: by --reason, --model, --producer, --stage, --since, --until or "
            "--id; or --all"
        )
    report = Report(dry_run=dry_run)
    with _elasticsearch(settings) as (client, names):
        if absent := missing_ids(client, names, chosen):
            raise UsageError(
                f"there is no dead letter '{absent[0]}': see 'millrace dead-letters list'"
            )
        if not dry_run:
            install_template(settings)
        replayer = Replayer(settings, client)
        replays = read_replays(client, names)
        found = find_letters(
            client, names, chosen, replays, columns=WITHOUT_CONTENT, page=LETTERS_AT_ONCE
        )
        try:
            with ReplayProgress(count_letters(client, names, chosen)) as progress:
                replayer.run(found, report, progress)
        finally:
            replayer.close()
            if not json:
                print_report(report)
    if json:
        print_json(report)
    raise typer.Exit(1 if report.failed and not dry_run else 0)


@app.command()
def recover(
    older_than: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only claims as old as this; default: old enough."),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Find out what came of replays that were cut off, by looking in Kafka.

    A letter whose record is there is replayed; one whose record is not is open again.

    Example: `millrace dead-letters recover`
    """
    from elk.dead_letters.recovery import patience
    from elk.dead_letters.recovery import recover as look

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    age = patience(settings) if older_than is None else span(older_than)
    with _elasticsearch(settings) as (client, _):
        found = look(settings, client, age)
    if json:
        print_json(found)
        return
    stdout.print(
        f"{found.sent:,} were sent, {found.reopened:,} were not and are open again, "
        f"{found.undecided:,} can no longer be decided, {found.recent:,} are too recent",
        markup=False,
        soft_wrap=True,
    )


def _selection(
    reason: list[str] | None,
    model: list[str] | None,
    producer: list[str] | None,
    stage: list[str] | None,
    id: list[str] | None,
    since: str | None,
    until: str | None,
) -> "Selection":
    from elk.dead_letters.selection import Selection

    return Selection(
        reasons=_known("reason", reason, get_args(Reason)),
        models=tuple(model or ()),
        producers=tuple(producer or ()),
        stages=_known("stage", stage, get_args(Stage)),
        ids=tuple(id or ()),
        since=moment(since),
        until=moment(until),
    )


def _known(what: str, given: list[str] | None, known: tuple[str, ...]) -> tuple[str, ...]:
    for value in given or ():
        if value not in known:
            raise UsageError(f"there is no {what} '{value}': choose of {', '.join(known)}")
    return tuple(given or ())


@contextmanager
def _elasticsearch(settings: Settings) -> Iterator[tuple["Client", "IndexNames"]]:
    from prediction_log.client import connect, translated
    from prediction_log.indices import IndexNames

    client = connect(settings, connections=2)
    try:
        with translated(settings):
            yield client, IndexNames(settings)
    finally:
        client.close()
