"""`millrace dashboards`: building, checking and importing what Kibana shows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli.moments import moment, span
from cli.options import Elasticsearch, Json
from cli.output import print_json, say, stderr, stdout
from contracts.errors import UsageError
from contracts.settings import Settings, load_settings

From = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="TIME",
        help="Event time at which dashboards open, as 2013-03-01; default: some hours or days ago.",
    ),
]
To = Annotated[
    str | None, typer.Option("--to", metavar="TIME", help="Its end; default with --from: now.")
]

app = typer.Typer(
    help="Kibana's dashboards: build, check, import.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@app.command()
def build(
    output: Annotated[Path, typer.Option("--output", metavar="FILE", help="Where to write.")],
    since: From = None,
    until: To = None,
    json: Json = False,
) -> None:
    """Write data views, saved searches and dashboards as NDJSON, as Kibana's import takes them.

    The same version writes the same bytes. `import` does both in one step.

    Example: `millrace dashboards build --output dashboards.ndjson`
    """
    ndjson = _built(load_settings(), since, until)
    try:
        output.write_bytes(ndjson)
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from error
    objects = ndjson.count(b"\n")
    if json:
        print_json({"file": str(output), "objects": objects, "bytes": len(ndjson)})
        return
    stdout.print(f"{objects} objects in {output}", markup=False, soft_wrap=True)


@app.command()
def check(
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Instead of what would be built now.")
    ] = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Ask no Elasticsearch: only what the file says.")
    ] = False,
    require_data: Annotated[
        bool, typer.Option("--require-data", help="A panel with nothing to show is a problem too.")
    ] = False,
    since: From = None,
    until: To = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Look for what Kibana would refuse, or show as an error; no Kibana is needed.

    References, fields and their types, attributes, the grid; then each panel is asked of
    Elasticsearch within the time that its dashboard shows at first. Exit status: 0 nothing found,
    1 problems.

    Examples: `millrace dashboards check --offline`,
    `millrace dashboards check --require-data --from 2013-03-01 --to 2014-01-01`
    """
    settings = load_settings(elasticsearch=elasticsearch)
    if offline and require_data:
        raise UsageError("--require-data asks Elasticsearch: leave out --offline")
    if file is not None and (since or until):
        raise UsageError("--from and --to are for what would be built: a file has times of its own")
    from elk.dashboards.checking.problems import problems

    ndjson = _built(settings, since, until) if file is None else _read(file)
    found = problems(ndjson)
    asked = 0
    if not offline and not found:
        asked, found = _ask(settings, ndjson, require_data)
    if json:
        print_json({"problems": found, "asked": asked})
    else:
        for problem in found:
            stderr.print(problem, markup=False, soft_wrap=True)
        stdout.print(f"{len(found)} problems; {asked} panels asked of Elasticsearch")
    raise typer.Exit(1 if found else 0)


@app.command("import")
def import_(
    rules: Annotated[
        bool, typer.Option("--rules", help="Make Kibana's alerting rules too, where not there.")
    ] = False,
    space: Annotated[
        str | None,
        typer.Option(metavar="SPACE", help="Space of Kibana; default: MILLRACE_KIBANA_SPACE."),
    ] = None,
    kibana: Annotated[
        str | None, typer.Option(metavar="URL", help="Kibana; default: MILLRACE_KIBANA.")
    ] = None,
    wait: Annotated[
        str, typer.Option("--wait", metavar="TIME", help="How long Kibana may take to start.")
    ] = "2m",
    since: From = None,
    until: To = None,
    json: Json = False,
) -> None:
    """Bring all dashboards into Kibana; those that are there are replaced.

    Rules that are there stay as they are, with what operators changed.

    Examples: `millrace dashboards import --kibana http://127.0.0.1:5601`,
    `millrace dashboards import --rules --space ml`,
    `millrace dashboards import --from 2013-03-01 --to 2014-01-01`
    """
    from elk.dashboards.importing import import_objects, once_it_answers
    from elk.dashboards.kibana import Kibana
    from elk.dashboards.rules import create_rules

    settings = load_settings(kibana=kibana, kibana_space=space)
    there = Kibana(settings)
    ndjson, seconds = _built(settings, since, until), span(wait).total_seconds()
    count = once_it_answers(lambda: import_objects(there, ndjson), seconds, say)
    made, kept = create_rules(there, settings) if rules else (0, 0)
    if json:
        print_json({"kibana": there.url, "objects": count, "rules": made, "rules_kept": kept})
        return
    stdout.print(f"Kibana at {there.url} has {count} objects", markup=False, soft_wrap=True)
    if rules:
        stdout.print(f"{made} rules made, {kept} were there")


def _built(settings: Settings, since: str | None, until: str | None) -> bytes:
    from elk.dashboards.catalogue import dashboards
    from elk.dashboards.intervals import Span
    from elk.dashboards.saved_objects import as_ndjson, saved_objects

    begin, end = moment(since), moment(until)
    if end is not None and begin is None:
        raise UsageError("--to needs --from")
    opens_at = None if begin is None else Span(begin, end or datetime.now(UTC))
    if opens_at is not None and opens_at.start >= opens_at.end:
        raise UsageError("--from is not before --to: exchange them")
    return as_ndjson(saved_objects(settings, dashboards(), opens_at))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error


def _ask(settings: Settings, ndjson: bytes, require_data: bool) -> tuple[int, list[str]]:
    from rich.progress import track

    from elk.dashboards.checking.running import questions, run
    from prediction_log.client import connect, translated

    client = connect(settings, connections=1)
    asked = list(questions(ndjson))
    try:
        with translated(settings):
            shown = track(asked, "Asking Elasticsearch", console=stderr, transient=True)
            return len(asked), run(client, shown, require_data=require_data)
    finally:
        client.close()
