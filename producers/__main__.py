"""`python -m producers FILE --model NAME`: what `millrace produce` does with files."""

import argparse
import sys
from pathlib import Path

import msgspec

from contracts.errors import MillraceError
from contracts.settings import load_settings
from producers.command import exit_status, run
from producers.file_replay import ReplayRequest
from producers.sources import TableFile
from producers.table_rows import Columns, label_columns


def parser() -> argparse.ArgumentParser:
    """The options, in the words of `millrace produce`."""
    options = argparse.ArgumentParser("python -m producers", description=__doc__)
    options.add_argument("file", type=Path, metavar="FILE")
    options.add_argument("--model", required=True)
    options.add_argument("--rate", type=float)
    for part in ("id", "time", "entity"):
        options.add_argument(f"--{part}-column")
    options.add_argument("--label-column", action="append")
    options.add_argument("--resume", action="store_true")
    options.add_argument("--bootstrap-servers")
    options.add_argument("--json", action="store_true")
    return options


def main() -> int:
    """Run and give the exit status."""
    given = parser().parse_args()
    try:
        summary = run(
            load_settings(bootstrap_servers=given.bootstrap_servers),
            ReplayRequest(
                source=TableFile(given.file),
                model=given.model,
                columns=Columns(
                    id=given.id_column,
                    entity=given.entity_column,
                    time=given.time_column,
                    label=label_columns(given.label_column),
                ),
                rate=given.rate,
                resume=given.resume,
            ),
        )
    except MillraceError as error:
        print(f"producers: {error}", file=sys.stderr)
        return error.exit_status
    if given.json:
        print(msgspec.json.encode(summary).decode())
    return exit_status(summary)


if __name__ == "__main__":
    sys.exit(main())
