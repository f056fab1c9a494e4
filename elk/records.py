"""From a Kafka record to the document it becomes, or to the reason why it becomes none (pure)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from contracts import dead_letters
from contracts.alerts import Alert
from contracts.dead_letters import Reason
from contracts.erasures import Erasures
from contracts.errors import MillraceError
from contracts.events import Label, Source, to_datetime
from contracts.model_events import ModelEvent
from contracts.not_unpacked import NOT_UNPACKED_DETAIL, NotUnpacked
from contracts.replays import replay_mark
from contracts.service_stats import ServiceStats
from contracts.settings import Settings
from contracts.topics import Topics
from elk.credible import is_credible, refused_version
from elk.entities import entities_of
from elk.erased import is_erased
from elk.record import Record
from prediction_log import documents
from prediction_log.bulk import create_lines
from prediction_log.dead_letter_documents import from_dead_letter
from prediction_log.indices import IndexNames, coordinates_id, prediction_id
from prediction_log.operations_documents import from_service_stats
from prediction_log.replays import Pointer, Replay, merge_lines

_predictions = msgspec.json.Decoder(documents.ReceivedPrediction)
_labels = msgspec.json.Decoder(Label)
_model_events = msgspec.json.Decoder(ModelEvent)
_service_stats = msgspec.json.Decoder(ServiceStats)
_alerts = msgspec.json.Decoder(Alert)


class Rejection(Exception):
    """A record that becomes no document; the sentence is for whoever produced it."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


class Erased(Rejection):
    """A record that becomes nothing at all, as the data of its entity was erased since.

    Attributes:
        document_id: of the document that must not be there.
    """

    def __init__(self, document_id: str) -> None:
        super().__init__("invalid", "the data of its entity was erased after it was sent")
        self.document_id = document_id


class Origin(Struct, frozen=True):
    """The event that a record speaks of, for its dead letter."""

    source: Source
    model: str | None = None
    event_id: str | None = None


class _Entry(Struct, frozen=True, gc=False):
    index_name: str
    document_id: str
    document: Struct


class Transcriber:
    """Turns the records of all topics of the log into lines of a bulk body.

    Args:
        topic_ids: topic name -> UUID, for documents that are known by their own record.

    Attributes:
        erasures: what must not come back; may grow at any time.
    """

    def __init__(self, settings: Settings, topics: Topics, topic_ids: Mapping[str, str]) -> None:
        self._names = IndexNames(settings)
        self._past = timedelta(days=settings.max_past_days)
        self._future = timedelta(seconds=settings.max_future_seconds)
        self.topic_ids = topic_ids
        self.erasures = Erasures()
        self._entry = {
            topics.predictions.name: self._prediction,
            topics.shadow_predictions.name: self._prediction,
            topics.labels.name: self._label,
            topics.dead_letters.name: self._dead_letter,
            topics.model_events.name: self._model_event,
            topics.service_stats.name: self._operations,
            topics.alerts.name: self._alert,
        }
        self._topics = topics
        self._predictions = topics.predictions.name
        self._dead_letters = topics.dead_letters.name

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that can be transcribed."""
        return tuple(self._entry)

    def lines(self, record: Record) -> bytes:
        """The action and the document; errors as `place`."""
        entry = self._transcribe(record)
        return create_lines(entry.index_name, entry.document_id, entry.document)

    def place(self, record: Record) -> Pointer:
        """Where the document of a record is, or is to be.

        Raises:
            Rejection: the record cannot be decoded or its time is beyond the limits.
            Erased: it must not become one.
        """
        entry = self._transcribe(record)
        return Pointer(entry.index_name, entry.document_id)

    def mark(self, record: Record) -> bytes | None:
        """What a record says about a dead letter that was replayed: lines to be written once its
        own document is there; None for nearly all."""
        mark = replay_mark(record.headers) if record.headers else None
        if mark is None or record.topic not in (self._predictions, self._dead_letters):
            return None
        place = self.place(record)
        if record.topic == self._predictions:
            return merge_lines(self._names, mark.letter, Replay(resolved=place))
        return merge_lines(self._names, mark.letter, Replay(failed_again=place))

    def may_become_dead_letter(self, record: Record) -> bool:
        """Dead letters may not, or one that cannot be indexed would go round for ever."""
        return record.topic != self._dead_letters

    def origin(self, record: Record) -> Origin:
        """The event a record stands for, as far as the record can be read."""
        here = self._source(record)
        if record.headers is None:
            return Origin(here)  # none of ours wrote it, whatever event it names
        try:
            if self._entry[record.topic] == self._prediction:
                prediction = _predictions.decode(record.value or b"")
                source = prediction.source
                # A shadow's letter stands for itself: its event has an outcome already.
                of_event = record.topic == self._predictions and is_credible(source)
                return Origin(
                    source if of_event else here,
                    documents.received_model(prediction.model).ref.name,
                    prediction.event_id,
                )
            if self._entry[record.topic] == self._label:
                label = _labels.decode(record.value or b"")
                return Origin(here, label.model, label.event_id)
            return Origin(here, _model_events.decode(record.value or b"").model)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Origin(here)

    def _transcribe(self, record: Record) -> _Entry:
        if isinstance(record.value, NotUnpacked):
            raise Rejection("too_large", NOT_UNPACKED_DETAIL)
        headers = record.headers
        if headers is None:
            raise Rejection("malformed", "the name of a header is not UTF-8")
        if headers and record.topic != self._dead_letters and (refusal := refused_version(headers)):
            raise Rejection("invalid", refusal)
        try:
            entry = self._entry[record.topic](record)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reason: Reason = (
                "invalid" if isinstance(error, msgspec.ValidationError) else "malformed"
            )
            raise Rejection(
                reason if record.value else "empty", f"not a record of {record.topic}: {error}"
            ) from error
        except (ValueError, OverflowError) as error:
            raise Rejection("invalid", f"a value in it is out of range: {error}") from error
        if self.erasures and is_erased(self.erasures, entry.document, record.timestamp):
            raise Erased(entry.document_id)
        return entry

    def _prediction(self, record: Record) -> _Entry:
        prediction = _predictions.decode(record.value or b"")
        model = documents.received_model(prediction.model)
        occurred_at = prediction.occurred_at
        if occurred_at.tzinfo is not UTC:
            _require_zone(occurred_at)
        return _Entry(
            self._names.predictions(model.ref.name, occurred_at),
            prediction_id(prediction.source, model.ref),
            documents.from_prediction(prediction, model),
        )

    def _label(self, record: Record) -> _Entry:
        label = _labels.decode(record.value or b"")
        # Labels come from producers straight to us; no worker has looked at their time, and
        # every month of it is an index.
        occurred_at = self._credible(label.occurred_at)
        source = self._source(record)
        return _Entry(
            self._names.labels(label.model, occurred_at),
            coordinates_id(source),
            documents.from_label(label, source),
        )

    def _credible(self, moment: datetime | float) -> datetime:
        now = datetime.now(UTC)
        try:
            occurred_at = to_datetime(moment)
        except (ValueError, OverflowError):
            occurred_at = None
        if occurred_at and now - self._past <= occurred_at <= now + self._future:
            return occurred_at
        raise Rejection(
            "time_out_of_range",
            f"occurred_at {moment} is too far in the past or the future; "
            "give RFC 3339 or seconds (not milliseconds) since 1970",
        )

    def _dead_letter(self, record: Record) -> _Entry:
        # Kafka allows headers without a value.
        headers = [(k, v or b"") for k, v in record.headers or ()]
        try:
            letter = dead_letters.from_headers(headers)
        except MillraceError as error:
            raise Rejection("invalid", str(error)) from error
        value = record.value or b""
        entities = entities_of(letter, record.key, value, self._topics)
        return _Entry(
            self._names.dead_letters(letter.sent_at),
            coordinates_id(letter.source),
            from_dead_letter(letter, value, headers, self._source(record), entities),
        )

    def _model_event(self, record: Record) -> _Entry:
        event = _model_events.decode(record.value or b"")
        _require_zone(event.at)
        source = self._source(record)
        return _Entry(
            self._names.model_events(event.at),
            coordinates_id(source),
            documents.from_model_event(event, source),
        )

    def _operations(self, record: Record) -> _Entry:
        stats = _service_stats.decode(record.value or b"")
        _require_zone(stats.at)
        source = self._source(record)
        return _Entry(
            self._names.operations(stats.at),
            coordinates_id(source),
            from_service_stats(stats, source),
        )

    def _alert(self, record: Record) -> _Entry:
        alert = _alerts.decode(record.value or b"")
        for moment in (alert.at, alert.window.start, alert.window.end):
            _require_zone(moment)
        source = self._source(record)
        return _Entry(
            self._names.alerts(alert.at),
            coordinates_id(source),
            documents.from_alert(alert, source),
        )

    def _source(self, record: Record) -> Source:
        topic_id = self.topic_ids.get(record.topic, "")
        return Source(record.topic, topic_id, record.partition, record.offset)


def _require_zone(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise Rejection("invalid", f"the time {moment.isoformat()} has no zone; add Z or an offset")
