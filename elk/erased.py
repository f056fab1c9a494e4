"""Whether a record speaks of somebody whose data was erased after it was sent (pure)."""

from datetime import UTC, datetime, timedelta

from msgspec import Struct

from contracts.erasures import Erasures
from prediction_log.dead_letter_documents import DeadLetterDocument
from prediction_log.documents import LabelDocument, PredictionDocument


def is_erased(erasures: Erasures, document: Struct, sent_ms: int) -> bool:
    """Judge the document that a record would become.

    Args:
        sent_ms: send time of that record, ms since 1970.
    """
    if isinstance(document, PredictionDocument):
        return erasures.cover_entity(document.entity.id, document.kafka, _event_sent(document))
    if isinstance(document, LabelDocument):
        return erasures.cover_event(
            document.model.name, document.event.id, document.kafka, _moment(sent_ms)
        )
    if isinstance(document, DeadLetterDocument):
        return _letter_is_erased(erasures, document)
    return False


def _letter_is_erased(erasures: Erasures, letter: DeadLetterDocument) -> bool:
    place, sent_at = letter.kafka, letter.timestamp
    if any(erasures.cover_entity(one.id, place, sent_at) for one in letter.entity):
        return True
    if letter.entity or letter.event is None or letter.model is None:
        return False
    return erasures.cover_event(letter.model.name, letter.event.id, place, sent_at)


def _event_sent(prediction: PredictionDocument) -> datetime:
    try:
        return prediction.predicted_at - timedelta(milliseconds=prediction.latency.total_ms)
    except (OverflowError, ValueError):
        return prediction.predicted_at


def _moment(milliseconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
