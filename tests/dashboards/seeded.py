"""Documents of every kind, so that every panel of every dashboard has something to show."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from elasticsearch import Elasticsearch
from logged_events import outcome_of

from contracts.alerts import Alert, AlertState, Signal
from contracts.dead_letters import DeadLetter
from contracts.events import (
    Classification,
    Label,
    Latency,
    ModelRef,
    Outcome,
    Prediction,
    Regression,
    Role,
    Source,
)
from contracts.model_events import ModelEvent, ModelEventKind
from contracts.service_stats import Percentiles, ServiceStats, VersionInService
from contracts.settings import Settings
from contracts.windows import Window
from prediction_log import documents
from prediction_log.bulk import create_lines
from prediction_log.dead_letter_documents import from_dead_letter
from prediction_log.documents import EventModel
from prediction_log.indices import IndexNames, coordinates_id, prediction_id
from prediction_log.operations_documents import from_service_stats
from prediction_log.window_documents import (
    DriftDocument,
    DriftFigures,
    PerformanceDocument,
    PerformanceFigures,
    Verdict,
)

HOURS = 12
EVENT = "e7"
"""This one has documents of all kinds that know of events."""
_Line = tuple[str, str, Any]
_VERSIONS: tuple[tuple[str, Role], ...] = (("1", "champion"), ("2", "canary"), ("3", "shadow"))
_CONFIDENCES = (0.52, 0.58, 0.64, 0.73, 0.82, 0.93)


def seed(client: Elasticsearch, settings: Settings, now: datetime) -> int:
    """Write them, all within the hours before now; gives how many there are."""
    names = IndexNames(settings)
    start = (now - timedelta(hours=HOURS + 1)).replace(minute=0, second=0, microsecond=0)
    lines = [
        line
        for hour in range(HOURS)
        for make in (_predictions, _letters, _operations, _windows)
        for line in make(names, start + timedelta(hours=hour), hour)
    ]
    lines += [*_model_events(names, start), *_alerts(names, start)]
    body = b"".join(create_lines(*line) for line in lines)
    answer = client.bulk(body=body, refresh=True).body
    assert not answer["errors"], [item for item in answer["items"] if "error" in item["create"]][:3]
    return len(lines)


def _source(offset: int, topic: str = "features") -> Source:
    return Source(topic, f"id-of-{topic}", offset % 4, offset)


def _predictions(names: IndexNames, at: datetime, hour: int) -> Iterator[_Line]:
    """Two models, three roles, with labels and outcomes of every second event."""
    for place, confidence in enumerate(_CONFIDENCES):
        number = hour * len(_CONFIDENCES) + place
        moment = at + timedelta(minutes=9 * place)
        label = "late" if number % 3 else "on time"
        other = "on time" if label == "late" else "late"
        chances = {label: confidence, other: 1 - confidence}
        for version, role in _VERSIONS:
            if role == "canary" and place % 2:
                continue
            answer = Classification(label, confidence, chances)
            model = ModelRef("flights", version, role)
            source = _source(number if role != "canary" else 10_000 + number)
            event = f"e{number}" if role != "canary" else f"c{number}"
            yield from _answered(names, event, moment, model, answer, source, label, number % 4 > 0)
        value = Regression(20.0 + number)
        for version, role in (("1", "champion"), ("2", "shadow")):
            model, source = ModelRef("delay", version, role), _source(20_000 + number)
            yield from _answered(names, f"d{number}", moment, model, value, source, 18.5, True)


def _answered(
    names: IndexNames,
    event: str,
    at: datetime,
    model: ModelRef,
    answer: Outcome,
    source: Source,
    truth: str | float,
    right: bool,
) -> Iterator[_Line]:
    number = source.offset
    sent = Prediction(
        event_id=event,
        entity_id=f"N{number % 5}",
        occurred_at=at,
        predicted_at=at + timedelta(milliseconds=5),
        model=model,
        prediction=answer,
        latency=Latency(1.0 + number % 7, 2.0, 4.0 + number % 11, 5.0),
        source=source,
        worker="worker-1",
        features=None if model.role == "shadow" else {"hour": float(at.hour), "carrier": "UA"},
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    )
    received = msgspec.json.decode(msgspec.json.encode(sent), type=documents.ReceivedPrediction)
    document = documents.from_prediction(received, documents.received_model(received.model))
    name = prediction_id(source, model)
    yield names.predictions(model.name, at), name, document
    if model.role == "shadow":
        return
    said = truth if right or isinstance(truth, float) else "cancelled"
    place = _source(number, "labels")
    label = Label(event_id=event, model=model.name, label=said, occurred_at=at)
    labelled = documents.from_label(label, place)
    yield names.labels(model.name, at), coordinates_id(place), labelled
    yield names.outcomes(model.name, at), name, outcome_of(document, labelled)


def _letters(names: IndexNames, at: datetime, hour: int) -> Iterator[_Line]:
    source = _source(30_000 + hour)
    letter = DeadLetter(
        stage="worker" if hour % 3 else "indexer",
        reason="malformed" if hour % 2 else "invalid_features",
        detail="feature 'hour' is missing",
        source=source,
        sent_at=at,
        failed_at=at + timedelta(seconds=1),
        member="worker-1",
        model="flights",
        version="1",
        event_id=EVENT,
        producer="billing",
    )
    yield (
        names.dead_letters(at),
        coordinates_id(source),
        from_dead_letter(letter, b'{"event', (), _source(hour, "dead-letters"), ("N1",)),
    )


def _operations(names: IndexNames, at: datetime, hour: int) -> Iterator[_Line]:
    for place, (service, member) in enumerate(
        (("worker", "worker-1"), ("worker", "worker-2"), ("indexer", "indexer-1"))
    ):
        stats = ServiceStats(
            service=service,
            member=member,
            at=at,
            started_at=at - timedelta(hours=1),
            interval_seconds=10,
            version="0.1.0",
            address="http://127.0.0.1:1",
            ready=True,
            records=1000,
            records_per_second=100.0,
            batches=10,
            latency=Percentiles(1.0, 2.0, 3.0 + hour),
            lag=5 + place,
            partitions=4,
            retries={"bulk": 1 + place},
            dead_letters={"malformed": 1},
            swaps={"swapped": 1, "rejected": place % 2},
            models=(VersionInService("flights", "1", "champion"),) if service == "worker" else (),
            memory_bytes=300_000_000,
            open_files=60,
            threads=20,
            cpu_seconds=1.0,
        )
        source = _source(hour * 3 + place, "service-stats")
        yield names.operations(at), coordinates_id(source), from_service_stats(stats, source)


def _windows(names: IndexNames, at: datetime, hour: int) -> Iterator[_Line]:
    window = Window(at, at + timedelta(hours=1))
    for version in ("1", "2"):
        model = EventModel("flights", version, "champion")
        for signal, figures in _signals(hour):
            ratio = (hour + len(signal)) / 12
            state = "too_few" if hour == 0 else "over" if ratio > 1 else "ok"
            document = DriftDocument(
                timestamp=at,
                model=model,
                window=window,
                rows=500,
                drift=figures,
                verdict=Verdict(
                    signal=signal,
                    statistic="psi",
                    state=state,
                    value=ratio / 10,
                    limit=0.1,
                    ratio=ratio,
                ),
                computed_at=window.end,
            )
            name = f"flights-{version}-champion-{hour}-{signal}"
            yield names.drift("flights", at), name, document
        metrics = {"accuracy": 0.8, "roc_auc": 0.72, "log_loss": 0.5, "calibration_error": 0.03}
        yield _performance(names, window, model, metrics, hour)
    yield _performance(names, window, EventModel("delay", "1", "champion"), {"mae": 7.5}, hour)


def _signals(hour: int) -> Iterator[tuple[str, DriftFigures]]:
    yield (
        "hour",
        DriftFigures(
            kind="numeric",
            psi=0.02 * hour,
            ks=0.1,
            mean=12.0 + hour,
            mean_before=12.0,
            spread=4.0,
            spread_before=3.0,
            missing=0.01,
            missing_before=0.0,
            bins={
                "edges": [6.0, 12.0, 18.0],
                "reference": [100, 200, 150, 50, 0],
                "window": [60, 150, 190, 95, 5],
            },
        ),
    )
    yield (
        "carrier",
        DriftFigures(
            kind="categorical",
            psi=0.03,
            unknown=0.02,
            missing=0.0,
            bins={
                "categories": ["UA", "<b>B6</b>"],
                "reference": [300, 200, 0, 0],
                "window": [280, 210, 10, 0],
            },
        ),
    )
    yield "features together", DriftFigures(kind="multivariate", auc=0.61)
    yield "roc_auc", DriftFigures(kind="estimate", estimate=0.74 - hour / 100)


def _performance(
    names: IndexNames, window: Window, model: EventModel, metrics: dict[str, float], hour: int
) -> _Line:
    verdict = Verdict(signal=next(iter(metrics)), statistic="value", state="over", ratio=1.2)
    document = PerformanceDocument(
        timestamp=window.start,
        model=model,
        window=window,
        rows=500,
        performance=PerformanceFigures(
            predictions=500, labelled=300, coverage=0.6, metrics=metrics
        ),
        verdict=verdict,
        verdicts=(verdict,),
        computed_at=window.end,
    )
    name = f"{model.name}-{model.version}-champion-{hour}"
    return names.performance(model.name, window.start), name, document


def _model_events(names: IndexNames, at: datetime) -> Iterator[_Line]:
    kinds: tuple[ModelEventKind, ...] = (
        "published",
        "accepted",
        "rejected",
        "loaded",
        "swapped",
        "kept",
        "gate_refused",
    )
    for offset, kind in enumerate(kinds):
        event = ModelEvent(
            event=kind,
            model="flights",
            at=at + timedelta(minutes=offset),
            member="worker-1",
            version="2",
            role="champion",
            reason="its signature is not valid" if kind == "rejected" else None,
        )
        source = _source(offset, "model-events")
        yield (
            names.model_events(event.at),
            coordinates_id(source),
            documents.from_model_event(event, source),
        )


def _alerts(names: IndexNames, at: datetime) -> Iterator[_Line]:
    states: tuple[AlertState, ...] = ("raised", "resolved")
    for offset, state in enumerate(states):
        source = _source(offset, "alerts")
        moment = (at + timedelta(hours=offset)).astimezone(UTC)
        alert = Alert(
            alert_id="flights-1-drift-1",
            state=state,
            kind="drift",
            model="flights",
            version="1",
            at=moment,
            window=Window(at, moment),
            signals=(Signal(name="hour", statistic="psi", value=0.3, limit=0.1),),
            reason="hour is 3 times its limit",
        )
        yield names.alerts(moment), coordinates_id(source), documents.from_alert(alert, source)
