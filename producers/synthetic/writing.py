"""A synthetic stream as a file, which training and replays read as any other."""

from datetime import datetime
from pathlib import Path

from msgspec import Struct

from contracts.errors import MillraceError, UsageError
from producers.synthetic.drift import Drift
from producers.synthetic.problem import LABEL
from producers.synthetic.stream import TIME, SyntheticStream

SUFFIXES = (".csv", ".parquet")


class WrittenStream(Struct, frozen=True, kw_only=True):
    """What was written; `end` is the time of the last row."""

    file: str
    rows: int
    labels: int
    time_column: str
    label_column: str
    start: datetime
    end: datetime
    drift: Drift


def write_stream(stream: SyntheticStream, path: Path) -> WrittenStream:
    """Write all rows; a file that is there is replaced.

    Raises:
        UsageError: the file's name ends otherwise than in .csv or .parquet.
        MillraceError: the disk does not take it.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"{path}: a stream is written as {' or '.join(SUFFIXES)}")
    frame = stream.read()
    try:
        if path.suffix.lower() == ".parquet":
            frame.to_parquet(path, index=False)
        else:
            frame.to_csv(path, index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ")
    except OSError as error:
        raise MillraceError(f"cannot write {path}: {error}") from error
    return WrittenStream(
        file=str(path),
        rows=len(frame),
        labels=int(frame[LABEL].notna().sum()),
        time_column=TIME,
        label_column=LABEL,
        start=frame[TIME].iloc[0].to_pydatetime(),
        end=frame[TIME].iloc[-1].to_pydatetime(),
        drift=stream.drift,
    )
