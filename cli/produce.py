"""`millrace produce`: the rows of a file, or of a stream of known drift, as feature events."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from cli.moments import span
from cli.options import BootstrapServers, Json
from cli.output import print_json
from contracts.errors import UsageError
from contracts.settings import load_settings

_SYNTHETIC = "Streams of known drift, in place of FILE"


def produce(
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="CSV, TSV, JSON lines or Parquet.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model the events are for.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(metavar="N", help="Events per second; default: full speed.")
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(metavar="C", help="Event ids; default: file name, replay and row number."),
    ] = None,
    time_column: Annotated[
        str | None,
        typer.Option(
            metavar="C",
            help="When events occurred; 'now': when they are sent. "
            "Default: the model's time column if the file has it, else now.",
        ),
    ] = None,
    entity_column: Annotated[
        str | None,
        typer.Option(metavar="C", help="What events belong to; default: each to itself."),
    ] = None,
    label_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="C",
            help="What really happened; goes to the topic of labels. Several: the targets of a "
            "model with several.",
        ),
    ] = None,
    label_delay: Annotated[
        str | None,
        typer.Option(
            metavar="SPAN",
            help="How long after its event a label is known, in event time: 6h, 2d; it is sent "
            "when the stream has got there. Default: at once.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue where an earlier replay of FILE stopped.")
    ] = False,
    synthetic: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="stationary, abrupt, gradual, recurring, feature or concept.",
            rich_help_panel=_SYNTHETIC,
        ),
    ] = None,
    events: Annotated[
        int, typer.Option(metavar="N", help="How many.", rich_help_panel=_SYNTHETIC)
    ] = 20_000,
    onset: Annotated[
        str,
        typer.Option(metavar="SHARE|TIME", help="Where drift begins.", rich_help_panel=_SYNTHETIC),
    ] = "0.5",
    start: Annotated[
        str,
        typer.Option(
            metavar="TIME", help="When the first event occurs.", rich_help_panel=_SYNTHETIC
        ),
    ] = "2025-01-06",
    event_span: Annotated[
        str,
        typer.Option(
            "--span", metavar="SPAN", help="Event time of it all.", rich_help_panel=_SYNTHETIC
        ),
    ] = "60d",
    seed: Annotated[
        int,
        typer.Option(
            metavar="N", help="The same seed, the same events.", rich_help_panel=_SYNTHETIC
        ),
    ] = 0,
    label_share: Annotated[
        float,
        typer.Option(
            metavar="SHARE", help="Of the events that get a label.", rich_help_panel=_SYNTHETIC
        ),
    ] = 1.0,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the events to a .csv or .parquet instead, to train on.",
            rich_help_panel=_SYNTHETIC,
        ),
    ] = None,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Send each row of FILE once, as a feature event, in the order of their times.

    Only the columns in the model's feature schema are sent as features; an empty cell is null.
    Ctrl-C or SIGTERM stops cleanly, `--resume` continues. Exit status: 0 all rows are on Kafka,
    130 stopped, 1 something failed, 2 a mistake in the command.

    With `--synthetic` the rows are those of an invented problem with two classes, in which drift
    begins at a known time: `abrupt`, `gradual` and `recurring` move features and what they say
    about the label, `feature` only the former, `concept` only the latter, `stationary` nothing.

    Examples:

    `millrace produce flights.csv --model flight_delay --rate 500`

    `millrace produce orders.parquet --model fraud --id-column order_id --entity-column customer
    --label-column was_fraud --label-delay 2d`

    `millrace produce orders.csv --model orders --label-column late --label-column returned`

    `millrace produce --synthetic stationary --out train.csv`

    `millrace produce --synthetic abrupt --model dispute --start 2025-03-07 --onset 0.4`
    """
    from cli import synthetic_streams
    from producers.command import exit_status, run
    from producers.file_replay import ReplayRequest
    from producers.sources import TableFile
    from producers.synthetic.stream import COLUMNS
    from producers.table_rows import Columns, label_columns

    columns = Columns(
        id=id_column, entity=entity_column, time=time_column, label=label_columns(label_column)
    )
    stream = None
    if synthetic is not None:
        stream = synthetic_streams.stream(
            synthetic,
            events=events,
            onset=onset,
            start=start,
            length=event_span,
            seed=seed,
            label_share=label_share,
        )
        if columns.named:
            raise UsageError("a synthetic stream has its own columns: leave out --…-column")
    source = stream or (TableFile(file) if file is not None else None)
    if source is None or (file is not None and stream is not None):
        raise UsageError("give a FILE, or --synthetic KIND in its place: one of both")
    if out is not None:
        if stream is None:
            raise UsageError("--out writes a synthetic stream: give --synthetic KIND, and no FILE")
        synthetic_streams.write(stream, out, json)
        return
    if model is None:
        raise UsageError("say by --model NAME which model the events are for")
    summary = run(
        load_settings(bootstrap_servers=bootstrap_servers),
        ReplayRequest(
            source=source,
            model=model,
            columns=columns if stream is None else COLUMNS,
            label_delay=timedelta() if label_delay is None else span(label_delay),
            rate=rate,
            resume=resume,
        ),
    )
    if json:
        print_json(summary)
    raise typer.Exit(exit_status(summary))
