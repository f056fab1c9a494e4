"""`millrace drift why`: what a change of the mean confidence came with."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated

import typer

from cli.models.arguments import Name
from cli.moments import moment
from cli.options import Elasticsearch, Json
from cli.output import print_json, print_lines, print_table, stderr, stdout
from contracts.errors import UsageError
from contracts.settings import load_settings

if TYPE_CHECKING:
    from elk.attribution.explanation import Explanation


def why(
    name: Name,
    version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Only this one; default: all that served.")
    ] = None,
    start: Annotated[
        str | None, typer.Option(metavar="TIME", help="Events from then on; or 7d: so long ago.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="TIME", help="Events before then; default: now.")
    ] = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Tell why the confidence of a classifier fell, or rose: another version, or other events?

    With --start the time is compared with the equally long one before it; without, the largest
    fall of all time is looked at. Told are the step at each version that took over, what the shift
    of each feature and of the answers makes of the change, alerts, and what labels say.

    Examples: `millrace drift why fraud`, `millrace drift why fraud --start 7d`,
    `millrace drift why fraud --start 2026-07-01 --end 2026-08-01 --json`
    """
    from datetime import UTC, datetime

    from elk.attribution.explanation import explain
    from elk.console.log import Log
    from elk.dashboards.intervals import Span

    since, until = moment(start), moment(end)
    if until and not since:
        raise UsageError("give --start, too: a time is compared with the one before it")
    until = until or datetime.now(UTC)
    if since and since >= until:
        raise UsageError("that time is empty: --start must be before --end")
    filters = {"model.name": [name], "model.version": [version] if version else []}
    with (
        closing(Log(load_settings(elasticsearch=elasticsearch))) as log,
        stderr.status("asking the log …"),
    ):
        span = Span(since, until) if since else log.all_time("predictions", filters)
        found = explain(log.search, span, filters, whole=since is None)
    if not found:
        raise UsageError(
            f"no answer of '{name}' in this time has a confidence: only classifiers have one, and "
            "'millrace models list' knows all models"
        )
    if json:
        print_json(_as_json(found[0]))
    else:
        _print(found[0])


def _as_json(found: "Explanation") -> dict[str, object]:
    from elk.attribution.sentences import findings, headline

    return {
        "model": found.course.model,
        "headline": headline(found),
        "findings": {one.about: one.says for one in findings(found)},
        "change": None if found.change is None else found.change.size,
        "certain": found.change is not None and found.change.is_certain,
        "causes": found.causes,
        "periods": found.course.periods,
    }


def _print(found: "Explanation") -> None:
    from elk.attribution.sentences import findings, headline
    from elk.attribution.units import called

    print_table(
        f"{found.course.model}: mean confidence, {found.unit} by {found.unit}",
        ("time", "confidence", "answers", "versions", "over their limits"),
        [
            (
                called(one.start, one.end, found.unit),
                f"{one.mean:.3f}",
                f"{one.rows:,}",
                ", ".join(f"{v.version} ({v.mean:.3f})" for v in one.versions),
                ", ".join(o.signal for o in found.over.get(one.start, ())),
            )
            for one in found.course.periods
        ],
    )
    stdout.print(headline(found), markup=False, soft_wrap=True)
    print_lines({f"{one.about}:": one.says for one in findings(found)})
