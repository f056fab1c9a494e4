"""A year of predictions: drawn as columns, written as documents."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
from elasticsearch import Elasticsearch
from msgspec import Raw, Struct
from numpy.typing import NDArray

from contracts.events import Classification, Latency, ModelRef, Source
from contracts.windows import Window
from prediction_log.bulk import create_lines
from prediction_log.documents import EventModel, Identity, LabelValue, PredictionDocument
from prediction_log.features import Features
from prediction_log.indices import IndexNames, prediction_id
from prediction_log.outcome_documents import LoggedLabel, LoggedPrediction, outcome_document
from prediction_log.window_documents import DriftDocument, DriftFigures, Verdict

MODEL = "flights"
VERSIONS = 12
CLASSES = ("late", "on time")
START = datetime(2025, 1, 1, tzinfo=UTC)
DAYS = 365
LABELLED = 5
"""One event in so many has an outcome."""
_LESS_SURE = 6
"""The version of July."""
_CARRIERS = ("AA", "B6", "DL", "EV", "MQ", "UA", "US", "WN")
_BINS: dict[str, dict[str, tuple[float, ...] | tuple[str, ...]]] = {
    "delay": {"edges": (-20.0, -10.0, 0.0, 10.0, 20.0)},
    "hour": {"edges": (6.0, 12.0, 18.0)},
    "month": {"edges": (6.0,)},
    "carrier": {"categories": _CARRIERS},
    "prediction": {"categories": CLASSES},
}
_COUNTS: dict[str, list[int]] = {"reference": [1] * 10, "window": [1] * 10}
BATCH = 4_000
"""Events in one request."""
_IN_FLIGHT = 3
_BULK = {"accept": "application/json", "content-type": "application/x-ndjson"}


class Year(Struct, frozen=True):
    """One row an event: milliseconds since 1970, rising; version and class as numbers from 0;
    confidence; milliseconds of latency; one feature."""

    at: NDArray[np.int64]
    version: NDArray[np.int8]
    label: NDArray[np.int8]
    confidence: NDArray[np.float64]
    total_ms: NDArray[np.float64]
    delay: NDArray[np.float64]


def draw(events: int, seed: int = 8) -> Year:
    """A version for every twelfth of the year; that of July is less sure."""
    random = np.random.default_rng(seed)
    length = DAYS * 86_400_000
    since = np.sort(random.integers(0, length, events))
    version = (since * VERSIONS // length).astype(np.int8)
    sure = random.beta(8, 3, events) / 2
    return Year(
        at=since + int(START.timestamp() * 1000),
        version=version,
        label=(random.random(events) < 0.7).astype(np.int8),
        confidence=(0.5 + np.where(version == _LESS_SURE, sure * 0.6, sure)).round(6),
        total_ms=random.lognormal(2, 0.6, events).round(3),
        delay=random.normal(0, 20, events).round(1),
    )


def write(year: Year, client: Elasticsearch, names: IndexNames) -> Iterator[int]:
    """Create all documents, and yield after each request how many events are written.

    Raises:
        RuntimeError: Elasticsearch refused a document.
    """

    def send(first: int) -> int:
        last = min(first + BATCH, len(year.at))
        body = b"".join(_lines(year, names, range(first, last)))
        answer = client.perform_request("POST", "/_bulk", headers=_BULK, body=body).body
        if answer["errors"]:
            raise RuntimeError(f"a document was refused: {str(answer['items'])[:500]}")
        return last - first

    with ThreadPoolExecutor(_IN_FLIGHT) as pool:
        yield from pool.map(send, range(0, len(year.at), BATCH))
    client.perform_request("POST", "/_bulk", headers=_BULK, body=b"".join(_drift(names)))
    client.indices.refresh(index=names.pattern("*"))  # type: ignore[arg-type]


def _lines(year: Year, names: IndexNames, rows: range) -> Iterator[bytes]:
    for row in rows:
        at = datetime.fromtimestamp(int(year.at[row]) / 1000, UTC)
        confidence, label = float(year.confidence[row]), int(year.label[row])
        chances = {CLASSES[label]: confidence, CLASSES[1 - label]: 1 - confidence}
        model = ModelRef(MODEL, str(year.version[row] + 1), "champion")
        source = Source("features", "a-topic-of-a-year", row % 4, row)
        document = PredictionDocument(
            timestamp=at,
            event=Identity(f"event-{row}"),
            entity=Identity(f"N{row % 4_000}"),
            model=Raw(msgspec.json.encode(model)),
            prediction=Classification(CLASSES[label], confidence, chances),
            latency=Latency(1.0, 2.0, float(year.total_ms[row]), 50.0),
            kafka=source,
            worker=Identity("worker-1"),
            predicted_at=at + timedelta(milliseconds=50),
            features=Features(
                {"delay": float(year.delay[row]), "hour": float(at.hour), "month": float(at.month)},
                {"carrier": _CARRIERS[row % len(_CARRIERS)]},
            ),
        )
        name = prediction_id(source, model)
        yield create_lines(names.predictions(MODEL, at), name, document)
        if row % LABELLED == 0:
            truth = CLASSES[label if year.delay[row] < 10 else 1 - label]
            said = LoggedLabel(
                timestamp=at, event=document.event, label=LabelValue(truth), kafka=source
            )
            outcome = outcome_document(_logged(document, model), said)
            yield create_lines(names.outcomes(MODEL, at), name, outcome)


def _drift(names: IndexNames) -> Iterator[bytes]:
    """One window of each version, with the bins that say which values are counted together."""
    for version in range(VERSIONS):
        at = START + timedelta(days=DAYS * version // VERSIONS)
        for signal, bins in _BINS.items():
            document = DriftDocument(
                timestamp=at,
                model=EventModel(MODEL, str(version + 1), "champion"),
                window=Window(at, at + timedelta(days=7)),
                rows=1000,
                drift=DriftFigures(
                    kind="numeric" if "edges" in bins else "categorical",
                    bins={name: [*values] for name, values in bins.items()} | _COUNTS,
                ),
                verdict=Verdict(signal=signal, statistic="psi", state="ok", ratio=0.5),
                computed_at=at,
            )
            yield create_lines(names.drift(MODEL, at), f"{version}-{signal}", document)


def _logged(document: PredictionDocument, model: ModelRef) -> LoggedPrediction:
    assert isinstance(document.prediction, Classification)
    return LoggedPrediction(
        timestamp=document.timestamp,
        event=document.event,
        entity=document.entity,
        model=EventModel(model.name, model.version, model.role),
        prediction=document.prediction,
        predicted_at=document.predicted_at,
        kafka=document.kafka,
    )
