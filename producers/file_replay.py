"""The replay of a table: model's schema, rows, topics and progress put together."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pandas as pd
from msgspec import Struct

from contracts.errors import UsageError
from contracts.feature_schema import Feature, FeatureSchema
from contracts.kafka import describe_topics
from contracts.model_store import ModelStore
from contracts.packages import Manifest
from contracts.settings import Settings
from contracts.topics import Topics
from producers.acknowledged_prefix import AcknowledgedPrefix
from producers.client import FeatureProducer
from producers.late_labels import with_labels_due
from producers.progress_file import ProgressFile, SavedReplay, check_resumable
from producers.replay import Outgoing, Progress, Replay, Result
from producers.replay_summary import ReplaySummary, summarised
from producers.sent_rows import end_positions, find_sent_rows, header
from producers.sources import Source
from producers.table_rows import NOW, Columns, TableRows, text_columns

SAVE_SECONDS = 1.0
_STEM_BYTES = 200

Say = Callable[[str], None]


class ReplayRequest(Struct, frozen=True, kw_only=True):
    """What to replay. `rate`: events per second; None: full speed. Labels are sent when an event
    has occurred that is so much later than their own."""

    source: Source
    model: str
    columns: Columns = Columns()
    label_delay: timedelta = timedelta()
    rate: float | None = None
    resume: bool = False


def replay_file(
    settings: Settings,
    request: ReplayRequest,
    *,
    on_start: Callable[[int, int], None] = lambda first, rows: None,
    on_progress: Callable[[Progress], None] | None = None,
    say: Say = lambda sentence: None,
    stop: threading.Event | None = None,
) -> ReplaySummary:
    """Send each row of a source once, as a feature event, in the order of their times.

    Args:
        on_start: called with the first position to send and the number of rows.
        on_progress: called about five times a second.
        say: takes sentences for people.
        stop: set it to end early; `resume` continues from there.

    Raises:
        UsageError: the file, a column, the model or the options do not fit.
        UnreachableError: Kafka or the model store does not answer.
    """
    if request.rate is not None and not 0 < request.rate < float("inf"):
        raise UsageError(
            f"the rate must be a number above 0 (events per second), not {request.rate}"
        )
    sha256 = request.source.fingerprint()
    version, manifest = newest_manifest(settings, request.model)
    more = parent_features(settings, manifest)
    read_as = FeatureSchema((*manifest.schema.features, *more))
    frame = request.source.read(text_columns(read_as, request.columns))
    columns = with_default_time(request.columns, frame, manifest)
    schema = FeatureSchema((*manifest.schema.features, *(f for f in more if f.name in frame)))
    name = request.source.path
    rows = TableRows(frame, schema, columns, model=request.model, source=name)
    if request.label_delay and (rows.span is None or columns.label is None):
        raise UsageError("labels come later than events only where both times and labels are known")
    topics = Topics(settings)
    topic = topics.of_model(request.model).name
    used = [topic] if not columns.labels else [topic, topics.labels.name]
    with (
        ProgressFile(settings.state_dir, name, request.model, topic).exclusively() as file,
        FeatureProducer(settings) as producer,
    ):
        ids = {name: facts.id for name, facts in describe_topics(settings, used).items()}
        saved = _earlier(file, request, say)
        if saved is not None:
            check_resumable(
                saved,
                sha256=sha256,
                columns=columns,
                topic_ids=ids,
                label_delay=request.label_delay.total_seconds(),
            )
        else:
            saved = SavedReplay(
                replay_id=secrets.token_hex(4),
                file=str(name),
                sha256=sha256,
                model=request.model,
                columns=columns,
                rows=len(frame),
                rows_done=0,
                positions=end_positions(settings, used),
                topic_ids=ids,
                label_delay=request.label_delay.total_seconds(),
            )
        _warn(rows, request.label_delay, columns, settings, say)
        file.save(saved)
        drift = request.source.drift
        run = _Run(settings, saved, file, rows, drift.onset_row if drift else None)
        on_start(saved.rows_done, saved.rows)
        result = run.send(producer, request.rate, on_progress, stop)
        if result.unacknowledged:
            producer.abandon()
    return summarised(request.source, version, topic, saved, run.saved, result)


def newest_manifest(settings: Settings, model: str) -> tuple[str, Manifest]:
    """Version and manifest of a model's newest package; only its feature schema is used.

    Raises:
        UsageError: the store has no such model.
    """
    store = ModelStore(settings.store_url)
    newest = store.find(model)
    return newest.version, store.manifest(model, newest.digest)


def parent_features(settings: Settings, manifest: Manifest) -> list[Feature]:
    """Features that the newest version does not know and its parent does: while that one serves
    beside the newest, or stands by, events must carry them too."""
    features = ModelStore(settings.store_url).features(manifest.model, manifest.parent)
    return [feature for feature in features if feature.name not in manifest.schema.names]


def with_default_time(columns: Columns, frame: pd.DataFrame, manifest: Manifest) -> Columns:
    """Fill in the time column: the one the model was trained by, if the file has it."""
    time_column = columns.time
    if time_column == NOW and NOW not in frame.columns:
        time_column = None
    elif time_column is None and manifest.data.time_column in frame.columns:
        time_column = manifest.data.time_column
    return msgspec.structs.replace(columns, time=time_column)


class _Run:
    """One run of a saved replay; `saved` follows what Kafka has acknowledged."""

    def __init__(
        self,
        settings: Settings,
        saved: SavedReplay,
        file: ProgressFile,
        rows: TableRows,
        onset_row: int | None,
    ) -> None:
        self.saved = saved
        self._file = file
        self._rows = rows
        self._prefix = AcknowledgedPrefix(saved.rows_done, saved.positions, onset_row)
        self._there = find_sent_rows(settings, saved.positions, saved.replay_id)
        self._features, *labels = saved.topic_ids
        self._labels = labels[0] if labels else None
        self._last_there = max((max(rows, default=-1) for rows in self._there.values()), default=-1)
        if saved.label_delay and self._there.get(self._labels or ""):
            # A label that is there may have been sent with any row after its own.
            self._last_there = len(rows)
        self._saved_at = time.monotonic()

    def send(
        self,
        producer: FeatureProducer,
        rate: float | None,
        on_progress: Callable[[Progress], None] | None,
        stop: threading.Event | None,
    ) -> Result:
        def tick(progress: Progress) -> None:
            if time.monotonic() - self._saved_at >= SAVE_SECONDS:
                self._save()
            if on_progress is not None:
                on_progress(progress)

        try:
            return Replay(self._prefix, rate, tick, stop).run(self._outgoing(), producer)
        finally:
            self._save()

    def _outgoing(self) -> Iterator[Outgoing]:
        first = self.saved.rows_done
        id_prefix = f"{_short(Path(self.saved.file).stem)}-{self.saved.replay_id}"
        delay = timedelta(seconds=self.saved.label_delay)
        events = self._rows.events(0 if delay else first, id_prefix=id_prefix, now=time.time)
        features, labels = self._there[self._features], self._there.get(self._labels or "", set())
        due = with_labels_due(events, first, len(self._rows), delay)
        for row, (event, known) in enumerate(due, first):
            yield Outgoing(
                None if row in features else event,
                tuple(
                    (label, (header(self.saved.replay_id, of),))
                    for of, label in known
                    if of not in labels
                ),
                (header(self.saved.replay_id, row),),
            )

    def _save(self) -> None:
        done = self._prefix.rows_done
        # Rows found on the topic may stand before rows sent again: look from there once more.
        positions = self.saved.positions if done <= self._last_there else self._prefix.positions
        self.saved = msgspec.structs.replace(
            self.saved,
            rows_done=done,
            positions=positions,
            before_onset=self.saved.before_onset or self._prefix.marked,
        )
        self._file.save(self.saved)
        self._saved_at = time.monotonic()


def _earlier(file: ProgressFile, request: ReplayRequest, say: Say) -> SavedReplay | None:
    if request.resume:
        saved = file.load()
        if saved is None:
            say("there is no earlier replay of this file to resume: starting at its first row")
        return saved
    try:
        saved = file.load()
    except UsageError:
        return None  # about to be replaced
    if saved is not None and not saved.finished:
        say(
            f"an earlier replay stopped after {saved.rows_done:,} of {saved.rows:,} rows; this one "
            "starts at the first row again (--resume would have continued it)"
        )
    return None


def _warn(
    rows: TableRows, delay: timedelta, columns: Columns, settings: Settings, say: Say
) -> None:
    if rows.repeated_ids:
        say(
            f"warning: column '{columns.id}' repeats {rows.repeated_ids:,} values; events are told "
            "apart by their place in Kafka, but labels join by event id"
        )
    if rows.span is None:
        return
    first, last = (moment.timestamp() - time.time() for moment in rows.span)
    last += delay.total_seconds()
    if first < -settings.max_past_days * 86_400 or last > settings.max_future_seconds:
        say(
            f"warning: events and labels are between {rows.span[0]} and {rows.span[1] + delay}; "
            "those outside MILLRACE_MAX_PAST_DAYS and MILLRACE_MAX_FUTURE_SECONDS are refused"
        )


def _short(stem: str) -> str:
    return stem.encode()[:_STEM_BYTES].decode("utf-8", "ignore")
