"""What `millrace produce --synthetic` makes of its options: a stream, or a file of its events."""

from datetime import datetime
from pathlib import Path

from cli.moments import moment, span
from cli.output import print_json, say, stderr
from contracts.errors import UsageError
from producers.synthetic.drift import Kind
from producers.synthetic.stream import SyntheticStream
from producers.synthetic.writing import write_stream


def stream(
    kind: str, *, events: int, onset: str, start: str, length: str, seed: int, label_share: float
) -> SyntheticStream:
    """The stream that the options describe.

    Raises:
        UsageError: one of them is none.
    """
    if kind not in list(Kind):
        raise UsageError(f"'{kind}' is no kind of stream: {', '.join(Kind)}")
    begins, lasts = _moment(start), span(length)
    if lasts.total_seconds() <= 0:
        raise UsageError("--span must be above 0")
    try:
        place = float(onset)
    except ValueError:
        place = (_moment(onset) - begins) / lasts
    return SyntheticStream(
        kind=Kind(kind),
        events=events,
        seed=seed,
        start=begins,
        span=lasts,
        onset=place,
        label_share=label_share,
    )


def write(found: SyntheticStream, path: Path, json: bool) -> None:
    """Write the events of a stream and say what they are."""
    with stderr.status(f"writing {found.events:,} events"):
        written = write_stream(found, path)
    say(
        f"{written.rows:,} events and {written.labels:,} labels in {path}, "
        f"{written.start:%Y-%m-%dT%H:%M:%SZ} to {written.end:%Y-%m-%dT%H:%M:%SZ}"
    )
    say(written.drift.sentence())
    say(
        f"to train on it: millrace train --data {path} --target {written.label_column} --model NAME"
    )
    if json:
        print_json(written)


def _moment(text: str) -> datetime:
    found = moment(text)
    assert found is not None
    return found
