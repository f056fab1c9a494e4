"""`millrace rescore`: what another version would have answered."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.models.arguments import Name, Version
from cli.models.tables import figure
from cli.moments import moment
from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, print_lines, print_table, stderr
from contracts.settings import load_settings

if TYPE_CHECKING:
    from trainer.rescoring import Rescored


def rescore(
    name: Name,
    version: Version = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Events from then on; or 7d: so long ago.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="TIME", help="Events before then; default: all.")
    ] = None,
    most: Annotated[
        int, typer.Option(metavar="N", min=1, help="Events to look at; of more, a random sample.")
    ] = 20_000,
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Score the logged features of a past window with a version, beside what was served.

    Nothing is written anywhere. Where labels have come, both are compared with what happened.

    Examples: `millrace rescore fraud 4 --start 7d`,
    `millrace rescore fraud --start 2026-03-01 --end 2026-04-01 --json`
    """
    from trainer.rescoring import rescore as rescore_window

    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    with stderr.status("reading the log and scoring it again …"):
        found = rescore_window(settings, name, version, moment(start), moment(end), most)
    if json:
        print_json(found)
    else:
        _print(found)


def _print(found: "Rescored") -> None:
    served = ", ".join(f"{version} ({rows:,})" for version, rows in found.versions.items())
    why = f": {found.why_unscored}" if found.why_unscored else ""
    print_lines(
        {
            "version": f"{found.version} of {found.model}",
            "events": f"{found.events:,} in the window, {found.rows:,} looked at",
            "served by": served,
            "not scored": f"{found.unscored:,}{why}" if found.unscored else "",
            "same": f"{found.same:.2%} of the answers" if found.same is not None else "",
            "difference": f"{found.difference:.4g} on average"
            if found.difference is not None
            else "",
            "distance": f"{found.distance:.3f} (PSI)" if found.distance is not None else "",
            "labelled": f"{found.labelled:,}",
        }
    )
    if found.served or found.rescored:
        names = list(dict.fromkeys([*found.served, *found.rescored]))
        print_table(
            "on labelled events",
            ("", "served", f"version {found.version}"),
            [
                (name, figure(name, found.served.get(name)), figure(name, found.rescored.get(name)))
                for name in names
            ],
        )
