"""`millrace drift`: is what a model meets still what it was trained on?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.drift_why import why
from cli.models.arguments import Name
from cli.moments import moment
from cli.options import Elasticsearch, Json
from cli.output import print_json, print_table, stderr, stdout
from contracts.errors import UsageError
from contracts.settings import load_settings

if TYPE_CHECKING:
    from elk.drift.report.reading import DriftReport

app = typer.Typer(
    help="What models meet and answer, beside the data they were trained on.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

_COLUMNS_OF_WINDOWS = 6


app.command()(why)


@app.command()
def report(
    name: Name,
    version: Annotated[
        str | None,
        typer.Option(metavar="VERSION", help="Default: the newest that has answered events."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Windows that begin from then on; or 7d: so long ago."),
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="TIME", help="Windows that begin before then.")
    ] = None,
    windows: Annotated[
        int, typer.Option(metavar="N", min=1, help="The newest N windows, without a time.")
    ] = 8,
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write one page with pictures; needs no network."),
    ] = None,
    elasticsearch: Elasticsearch = None,
    json: Json = False,
) -> None:
    """Show which signals of a version have moved, by how much of their limits, and when.

    A signal is a feature, the prediction, its confidence, all features together, or what the model
    is worth by its own confidence. A number above 1 is over the limit. Windows that the monitor
    has not looked at are measured now; nothing is written to Elasticsearch.

    Examples: `millrace drift report fraud --windows 12`,
    `millrace drift report fraud --start 2026-03-01 --end 2026-04-01 --html drift.html`
    """
    from elk.drift.report.page import page
    from elk.drift.report.reading import report as read_report

    settings = load_settings(elasticsearch=elasticsearch)
    since, until = moment(start), moment(end)
    if since and until and since >= until:
        raise UsageError("that time is empty: --start must be before --end")
    with stderr.status("comparing windows with the training data …"):
        found = read_report(settings, name, version, since, until, windows)
        if html is not None:
            _write(html, page(found))
    if json:
        print_json(_as_json(found, html))
    else:
        _print(found)
        if html is not None:
            stdout.print(f"written to {html}", markup=False, soft_wrap=True)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error


def _as_json(found: "DriftReport", html: Path | None) -> dict[str, object]:
    from elk.drift.report.summary import headline, signals

    return {
        "model": found.model,
        "version": found.version,
        "role": found.role,
        "verdict": headline(found),
        "windows": [
            {"start": window.start, "end": window.end, "rows": rows}
            for window, rows in zip(found.windows, found.rows, strict=True)
        ],
        "signals": [
            {
                "signal": one.signal,
                "over": one.over,
                "judged": one.judged,
                "worst": one.worst,
                "verdicts": [
                    document and document.verdict for document in found.documents[one.signal]
                ],
            }
            for one in signals(found)
        ],
        "html": None if html is None else str(html),
    }


def _print(found: "DriftReport") -> None:
    from elk.drift.report.summary import headline, sentences, signals
    from elk.drift.report.summary import moment as moment_text

    shown = slice(-_COLUMNS_OF_WINDOWS, None)
    title = f"{found.model} {found.version} ({found.role}): share of the limit, worst first"
    print_table(
        title,
        ("signal", "over", *(moment_text(window.start) for window in found.windows[shown])),
        [
            ("rows", "", *(f"{rows:,}" for rows in found.rows[shown])),
            *(
                (
                    one.signal,
                    f"{one.over} of {one.judged}" if one.judged else "",
                    *map(_cell, found.documents[one.signal][shown]),
                )
                for one in signals(found)
            ),
        ],
    )
    for sentence in (headline(found), *sentences(found)):
        stdout.print(sentence, markup=False, soft_wrap=True)


def _cell(document: object) -> str:
    from elk.drift.report.summary import verdict_words

    verdict = getattr(document, "verdict", None)
    words = verdict_words(verdict)
    return words if verdict is None or verdict.ratio is None else f"{verdict.ratio:.2f} {words}"
