"""Documents as the indexer and the monitor make them, for tests that begin with these."""

from collections.abc import Iterable
from types import TracebackType
from typing import Self

import msgspec
from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.events import (
    FeatureEvent,
    Label,
    Latency,
    ModelRef,
    Outcome,
    Prediction,
    Role,
    Source,
    to_datetime,
)
from contracts.settings import Settings
from prediction_log.documents import (
    LabelDocument,
    PredictionDocument,
    ReceivedPrediction,
    from_label,
    from_prediction,
    received_model,
)
from prediction_log.indices import IndexNames, coordinates_id, prediction_id
from prediction_log.outcome_documents import (
    LoggedLabel,
    LoggedPrediction,
    OutcomeDocument,
    outcome_document,
)
from prediction_log.template import install_template

_LATENCY = Latency(1, 2, 3, 4)


def outcome_of(prediction: PredictionDocument, label: LabelDocument) -> OutcomeDocument:
    """What the monitor makes of both."""
    return outcome_document(
        msgspec.json.decode(msgspec.json.encode(prediction), type=LoggedPrediction),
        msgspec.json.decode(msgspec.json.encode(label), type=LoggedLabel),
    )


class LoggedEvents:
    """Writes predictions, their labels and outcomes, and any other document."""

    def __init__(self, settings: Settings) -> None:
        self.client = Elasticsearch(settings.elasticsearch_url, request_timeout=300)
        self.names = IndexNames(settings)
        self._settings = settings
        self._lines: list[bytes] = []
        self._offset = 0
        install_template(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.client.close()

    def served(
        self,
        event: FeatureEvent,
        answer: Outcome,
        label: Label | None,
        *,
        version: str = "1",
        role: Role = "champion",
        latency: Latency = _LATENCY,
    ) -> None:
        """An event that a version answered, and what happened, if that is known."""
        self._offset += 1
        model = event.model or "m"
        prediction = Prediction(
            event_id=event.event_id,
            entity_id=event.entity_id,
            occurred_at=to_datetime(event.occurred_at),
            predicted_at=to_datetime(event.occurred_at),
            model=ModelRef(model, version, role),
            prediction=answer,
            latency=latency,
            source=Source("features", "uuid", 0, self._offset),
            worker="w",
            features=event.features,
        )
        received = msgspec.json.decode(msgspec.json.encode(prediction), type=ReceivedPrediction)
        document = from_prediction(received, received_model(received.model))
        document_id = prediction_id(prediction.source, prediction.model)
        at = prediction.occurred_at
        self.add(self.names.predictions(model, at), document_id, document)
        if label is not None:
            place = Source("labels", "uuid-of-labels", 0, self._offset)
            said = from_label(label, place)
            self.add(self.names.labels(model, at), coordinates_id(place), said)
            self.add(self.names.outcomes(model, at), document_id, outcome_of(document, said))

    def add(self, index: str, document_id: str, document: Struct) -> None:
        """Any document, in place of the one with its id."""
        action = {"index": {"_index": index, "_id": document_id}}
        self._lines += [msgspec.json.encode(action), msgspec.json.encode(document)]

    def write(self) -> None:
        """Let all of it be found."""
        answer = self.client.perform_request(
            "POST",
            "/_bulk?refresh=true",
            headers={"accept": "application/json", "content-type": "application/x-ndjson"},
            body=b"\n".join(self._lines) + b"\n",
        )
        assert not answer.body["errors"], answer.body
        self._lines.clear()

    def all(self, events: Iterable[tuple[FeatureEvent, Label | None]], answer: Outcome) -> None:
        """Many events with the same answer."""
        for event, label in events:
            self.served(event, answer, label)
        self.write()
