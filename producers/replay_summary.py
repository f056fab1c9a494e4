"""What a replay came to, for people and scripts."""

from msgspec import Struct

from producers.acknowledged_prefix import Positions
from producers.progress_file import SavedReplay
from producers.replay import Result
from producers.sources import Source
from producers.synthetic.drift import Drift


class ReplaySummary(Struct, frozen=True, kw_only=True):
    """What a file's replay came to.

    `rows` is the file's number, `rows_done` how many of them Kafka has by now, of this and
    earlier runs; `sent`, `acknowledged`, `labels` (sent), `refused` and `failed` (sent, not
    acknowledged) are of this run. Where a drift is known, all that was sent from its onset on
    stands at or after `before_onset`: topic -> partition -> offset.
    """

    file: str
    model: str
    model_version: str
    topic: str
    rows: int
    rows_done: int
    resumed_at: int
    sent: int
    acknowledged: int
    labels: int
    refused: int
    failed: int
    seconds: float
    events_per_second: float
    interrupted: bool
    finished: bool
    failure: str | None
    first_refusal: str | None
    drift: Drift | None = None
    before_onset: Positions | None = None


def summarised(
    source: Source,
    version: str,
    topic: str,
    before: SavedReplay,
    after: SavedReplay,
    result: Result,
) -> ReplaySummary:
    """The summary of a run of the replay that was saved as `before`, and is as `after` now."""
    return ReplaySummary(
        file=after.file,
        model=after.model,
        model_version=version,
        topic=topic,
        rows=after.rows,
        rows_done=after.rows_done,
        resumed_at=before.rows_done,
        sent=result.sent,
        acknowledged=result.acknowledged,
        labels=result.labels,
        refused=result.refused,
        failed=result.unacknowledged,
        seconds=round(result.seconds, 3),
        events_per_second=round(result.acknowledged / max(result.seconds, 1e-9), 1),
        interrupted=result.stopped and not after.finished,
        finished=after.finished,
        failure=result.failure,
        first_refusal=result.first_refusal,
        drift=source.drift,
        before_onset=after.before_onset,
    )
