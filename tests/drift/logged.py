"""A log of predictions on a real Elasticsearch, as an indexer would have written it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from contracts.events import FeatureValue, Latency, ModelRef, Outcome, Prediction, Role, Source
from contracts.settings import Settings
from prediction_log.bulk import create_lines
from prediction_log.client import connect
from prediction_log.documents import ReceivedPrediction, from_prediction, received_model
from prediction_log.indices import IndexNames, prediction_id
from prediction_log.template import install_template

_LINES = 5000
_HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}


class Log:
    """Takes answers, and makes them documents that can be found."""

    def __init__(self, settings: Settings, model: str) -> None:
        self.settings = settings
        self.client = connect(settings, connections=1)
        self._names = IndexNames(settings)
        self._model = model
        self._lines: list[bytes] = []
        self._offset = 0
        install_template(settings)

    def answer(
        self,
        moments: Sequence[datetime],
        rows: Sequence[Mapping[str, FeatureValue]],
        outcomes: Sequence[Outcome],
        version: str = "1",
        role: Role = "champion",
    ) -> None:
        """One event per row."""
        for moment, row, outcome in zip(moments, rows, outcomes, strict=True):
            self._offset += 1
            self._add(moment, row, outcome, ModelRef(self._model, version, role))
        self._flush()
        self.client.indices.refresh(index=f"{self.settings.index_prefix}-*")

    def documents(self, kind: str) -> list[dict[str, Any]]:
        """All documents of a kind, as `_source` with `_id`."""
        pattern = f"{self.settings.index_prefix}-{kind}-*"
        self.client.indices.refresh(index=pattern)
        found = self.client.search(index=pattern, size=10_000).body["hits"]["hits"]
        return [{**hit["_source"], "_id": hit["_id"]} for hit in found]

    def close(self) -> None:
        """Hang up."""
        self.client.close()

    def _add(
        self, moment: datetime, row: Mapping[str, FeatureValue], outcome: Outcome, ref: ModelRef
    ) -> None:
        prediction = Prediction(
            event_id=f"e{self._offset}",
            entity_id="n",
            occurred_at=moment,
            predicted_at=moment,
            model=ref,
            prediction=outcome,
            latency=Latency(1, 2, 3, 4),
            source=Source("features", "uuid", 0, self._offset),
            worker="w",
            features=None if ref.role == "shadow" else dict(row),
        )
        received = msgspec.json.decode(msgspec.json.encode(prediction), type=ReceivedPrediction)
        self._lines.append(
            create_lines(
                self._names.predictions(self._model, moment),
                prediction_id(prediction.source, prediction.model),
                from_prediction(received, received_model(received.model)),
            )
        )
        if len(self._lines) >= _LINES:
            self._flush()

    def _flush(self) -> None:
        if not self._lines:
            return
        body = b"".join(self._lines)
        answer = self.client.perform_request("POST", "/_bulk", headers=_HEADERS, body=body)
        assert not answer.body["errors"], answer.body
        self._lines.clear()
