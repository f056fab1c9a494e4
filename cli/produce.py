"""`millrace produce`: the rows of a file as feature events."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import BootstrapServers, Json
from cli.output import print_json
from contracts.settings import load_settings


def produce(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV, JSON lines or Parquet.")],
    model: Annotated[str, typer.Option(help="The model the events are for.")],
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
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue where an earlier replay of FILE stopped.")
    ] = False,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Send each row of FILE once, as a feature event, in the order of their times.

    Only the columns in the model's feature schema are sent as features; an empty cell is null.
    Ctrl-C or SIGTERM stops cleanly, `--resume` continues. Exit status: 0 all rows are on Kafka,
    130 stopped, 1 something failed, 2 a mistake in the command.

    Examples:

    `millrace produce flights.csv --model flight_delay --rate 500`

    `millrace produce orders.parquet --model fraud --id-column order_id --entity-column customer
    --label-column was_fraud`

    `millrace produce orders.csv --model orders --label-column late --label-column returned`
    """
    from producers.command import exit_status, run
    from producers.file_replay import ReplayRequest
    from producers.table_rows import Columns, label_columns

    summary = run(
        load_settings(bootstrap_servers=bootstrap_servers),
        ReplayRequest(
            file=file,
            model=model,
            columns=Columns(
                id=id_column,
                entity=entity_column,
                time=time_column,
                label=label_columns(label_column),
            ),
            rate=rate,
            resume=resume,
        ),
    )
    if json:
        print_json(summary)
    raise typer.Exit(exit_status(summary))
