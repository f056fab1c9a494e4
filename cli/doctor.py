"""`millrace doctor`: find out what is wrong, and say what to do about it."""

from collections.abc import Sequence
from typing import Annotated

import typer

from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, stdout
from contracts.settings import load_settings

_MARKS = {"error": "[bold red]ERROR[/]", "warning": "[yellow]warn [/]", "ok": "[green]ok   [/]"}


def doctor(
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show also what is as it should be.")
    ] = False,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    as_json: Json = False,
) -> None:
    """Examine Kafka, Elasticsearch, topics, template, models, keys, clocks, disks and services.

    Nothing is changed. Exit status 0: no errors (there may be warnings), 1: errors.

    Examples: `millrace doctor`, `millrace doctor --json | jq '.findings[] | .what'`
    """
    from rich.markup import escape

    from cli.diagnosis.examination import examine

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    findings = examine(settings)
    errors, warnings, fine = (
        [f for f in findings if f.severity == severity] for severity in ("error", "warning", "ok")
    )
    if as_json:
        print_json({"healthy": not errors, "findings": findings})
    else:
        for finding in [*errors, *warnings, *(fine if verbose else [])]:
            mark = _MARKS[finding.severity]
            stdout.print(f"{mark} {escape(f'{finding.check}: {finding.what}')}", soft_wrap=True)
            if finding.todo:
                stdout.print(f"        → {escape(finding.todo)}", soft_wrap=True)
        counted = (_count(errors, "error"), _count(warnings, "warning"), _count(fine, "good check"))
        stdout.print(", ".join(counted))
    if errors:
        raise typer.Exit(1)


def _count(found: Sequence[object], what: str) -> str:
    return f"{len(found)} {what}{'' if len(found) == 1 else 's'}"
