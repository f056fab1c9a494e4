"""Days of predictions whose causes are known: some way until a day, otherwise from then on."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from logged_events import LoggedEvents

from contracts.events import Classification, FeatureEvent, FeatureValue, Role
from contracts.windows import Window
from prediction_log.documents import EventModel
from prediction_log.window_documents import DriftDocument, DriftFigures, Verdict

DAY = timedelta(days=1)
START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS = 20
PER_DAY = 100
SURE = {"JFK": 0.9, "EWR": 0.5, "LGA": 0.4, "": 0.4}
"""Confidence by the origin of an event; the last one has none."""

BINS: Mapping[str, dict[str, object]] = {
    "origin": {"categories": ["JFK", "EWR"], "reference": [5, 5, 0, 0], "window": [3, 7, 0, 0]},
    "hour": {"edges": [3.0, 6.0], "reference": [3, 3, 4, 0], "window": [3, 3, 4, 0]},
    "prediction": {"categories": ["yes", "no"], "reference": [8, 2], "window": [6, 4]},
}


def event(name: str, at: datetime, model: str = "m", **features: FeatureValue) -> FeatureEvent:
    return FeatureEvent(
        event_id=name, entity_id="e", occurred_at=at, model=model, features=features
    )


def write(
    logged: LoggedEvents,
    origin: Callable[[int, int], str] = lambda day, number: "JFK" if number % 2 else "EWR",
    version: Callable[[int], str] = lambda day: "1",
    less: Callable[[int], float] = lambda day: 0.0,
    role: Role = "champion",
    days: Iterable[int] = range(DAYS),
    confidence: Mapping[str, float] = SURE,
) -> None:
    """So many events a day; some way or other from a day on."""
    for day in days:
        for number in range(PER_DAY):
            at = START + day * DAY + number * DAY / PER_DAY
            place = origin(day, number)
            sure = confidence[place] - less(day) + (number % 3 - 1) / 100
            features = {"origin": place or None, "hour": float(number % 10)}
            sent = event(f"{day}-{number}", at, **features)
            label = "yes" if sure > 0.5 else "no"
            answer = Classification(label, sure, {label: sure})
            logged.served(sent, answer, None, version=version(day), role=role)
    for signal, bins in BINS.items():
        for of in {version(day) for day in range(DAYS)}:
            logged.add(logged.names.drift("m", START), f"{of}-{signal}", drift(signal, of, bins))
    logged.write()


def drift(signal: str, version: str, bins: dict[str, object]) -> DriftDocument:
    at = START + 12 * DAY
    return DriftDocument(
        timestamp=at,
        model=EventModel("m", version, "champion"),
        window=Window(at, at + DAY),
        rows=PER_DAY,
        drift=DriftFigures(kind="numeric" if "edges" in bins else "categorical", bins=bins),
        verdict=Verdict(
            signal=signal,
            statistic="psi",
            state="over" if signal == "origin" else "ok",
            value=0.3,
            limit=0.1,
            ratio=3.0 if signal == "origin" else 0.1,
        ),
        computed_at=at,
    )
