"""What a contender is told on its command line, and what all of them do with an event."""

import sys
import time
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path
from typing import Any

import joblib
import msgspec
import numpy as np
import pandas as pd
from msgspec import Struct

from contracts.events import (
    Classification,
    FeatureValue,
    Latency,
    ModelRef,
    Prediction,
    Source,
)
from contracts.feature_schema import FeatureSchema


class Job(Struct, frozen=True):
    """Where to read and write; a folder with `model.joblib`, `schema.json` and `classes.json`."""

    kafka: str
    group: str
    input: str
    output: str
    model: str
    batch: int = 2000
    variant: str = ""


class Event(Struct, gc=False):
    """A feature event; its features are passed on as they came, which is the fastest."""

    event_id: str
    entity_id: str
    occurred_at: float
    features: msgspec.Raw
    model: str


class Place(Struct, frozen=True, gc=False):
    """Where an event stood in Kafka, and when it was sent, in seconds since 1970."""

    topic: str
    partition: int
    offset: int
    sent_at: float


class Model:
    """Decode, predict, encode: the same messages as Millrace's, without what else it does.

    No check of sizes, times, headers or types beyond JSON's, no dead letters, no metrics.
    """

    def __init__(self, folder: Path) -> None:
        self._estimator: Any = joblib.load(folder / "model.joblib")
        self._schema = msgspec.json.decode(
            (folder / "schema.json").read_bytes(), type=FeatureSchema
        )
        self._classes = msgspec.json.decode((folder / "classes.json").read_bytes(), type=list[str])
        self._names = self._schema.names
        self._values = itemgetter(*self._names)
        self._decode_features = msgspec.json.Decoder(dict[str, FeatureValue]).decode
        self._ref = ModelRef("model", "1", "champion")
        self.decode = msgspec.json.Decoder(Event).decode
        self._encode = msgspec.json.Encoder().encode

    def predict(self, events: list[Event]) -> Any:
        """Probabilities of n events, n x classes."""
        rows = [self._decode_features(event.features) for event in events]
        if self._schema.all_numbers:
            matrix = np.array(list(map(self._values, rows)), dtype=np.float64)
            return self._estimator.predict_proba(matrix)
        frame = pd.DataFrame.from_records(rows, columns=self._names)
        return self._estimator.predict_proba(frame)

    def encode(
        self, events: list[Event], probabilities: Any, places: list[Place], began: float
    ) -> list[bytes]:
        """The prediction messages of a batch that was begun at `began`."""
        encode, classes, ref = self._encode, self._classes, self._ref
        now = time.time()
        at = datetime.fromtimestamp(now, UTC)
        inference_ms = round((now - began) * 1e3, 3)
        best = probabilities.argmax(axis=1).tolist()
        return [
            encode(
                Prediction(
                    event_id=event.event_id,
                    entity_id=event.entity_id,
                    occurred_at=datetime.fromtimestamp(event.occurred_at, UTC),
                    predicted_at=at,
                    model=ref,
                    prediction=Classification(
                        classes[winner], row[winner], dict(zip(classes, row, strict=True))
                    ),
                    latency=Latency(
                        round((began - place.sent_at) * 1e3, 3),
                        inference_ms,
                        round((now - place.sent_at) * 1e3, 3),
                        round((now - event.occurred_at) * 1e3, 3),
                    ),
                    source=Source(place.topic, "", place.partition, place.offset),
                    worker="contender",
                    features=event.features,  # type: ignore[arg-type]
                )
            )
            for event, winner, row, place in zip(
                events, best, probabilities.tolist(), places, strict=True
            )
        ]


def job() -> Job:
    """The job given as JSON in the first argument."""
    return msgspec.json.decode(sys.argv[1], type=Job)
