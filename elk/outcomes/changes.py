"""What has to change in the index for the outcomes of some events to be right (pure)."""

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct

from contracts.erasures import Erasures
from contracts.events import ModelRef
from elk.outcomes.lookups import Found, Written
from prediction_log.bulk import SeenDocument
from prediction_log.indices import IndexNames, prediction_id
from prediction_log.outcome_documents import (
    LoggedPrediction,
    OutcomeDocument,
    outcome_document,
)


class Change(Struct, frozen=True):
    """One document to be created (`seen` is none), replaced, or deleted (`document` is none)."""

    event_id: str
    index: str
    id: str
    document: OutcomeDocument | None
    seen: SeenDocument | None = None


def changes(names: IndexNames, found: Found, erasures: Erasures) -> Iterator[Change]:
    """Compare the outcomes that ought to be there with those that are.

    An outcome goes if its entity was erased, if its label was taken back, or if it belongs to a
    later prediction of an event id that was used twice. One whose prediction is gone otherwise
    (an old index was dropped) stays.
    """
    for event_id in found.serving.keys() | found.outcomes.keys():
        there = {one.seen.id: one for one in found.outcomes.get(event_id, ())}
        for wanted in _wanted(names, found, event_id, erasures):
            known = there.pop(wanted.id, None)
            if known is None:
                yield wanted
            elif known.document != wanted.document:
                yield Change(event_id, known.seen.index, wanted.id, wanted.document, known.seen)
        for one in there.values():
            if _has_to_go(found, event_id, one, erasures):
                yield Change(event_id, one.seen.index, one.seen.id, None, one.seen)


def is_erased(erasures: Erasures, outcome: LoggedPrediction | OutcomeDocument) -> bool:
    """Whether the data of its entity was erased after its event was sent."""
    return bool(erasures) and erasures.cover_entity(
        outcome.entity.id, outcome.kafka, outcome.predicted_at
    )


def _wanted(names: IndexNames, found: Found, event_id: str, erasures: Erasures) -> Iterator[Change]:
    first, label = found.serving.get(event_id), found.labels.get(event_id)
    if first is None or label is None or label.says_nothing or is_erased(erasures, first):
        return
    shadows = (one for one in found.shadows.get(event_id, ()) if one.kafka == first.kafka)
    for prediction in (first, *shadows):
        yield Change(
            event_id,
            names.outcomes(prediction.model.name, prediction.timestamp),
            _id(prediction),
            outcome_document(prediction, label),
        )


def _has_to_go(found: Found, event_id: str, one: Written, erasures: Erasures) -> bool:
    first, label = found.serving.get(event_id), found.labels.get(event_id)
    if is_erased(erasures, one.document):
        return True
    if label is not None and label.says_nothing:
        return True
    return first is not None and _order(first) < _order(one.document)


def _order(one: LoggedPrediction | OutcomeDocument) -> tuple[datetime, str, int, int]:
    """As Elasticsearch sorts them: its dates are exact to a millisecond."""
    moment, place = one.predicted_at, one.kafka
    moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    return moment, place.topic_id, place.partition, place.offset


def _id(prediction: LoggedPrediction) -> str:
    model = prediction.model
    ref = ModelRef(
        model.name, model.version or "", "shadow" if model.role == "shadow" else "champion"
    )
    return prediction_id(prediction.kafka, ref)
