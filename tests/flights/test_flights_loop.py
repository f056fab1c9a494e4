"""The loop's demonstration: what is known when, and how both arms are judged."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from contracts.events import to_datetime
from contracts.feature_schema import Feature, FeatureSchema
from examples.flights.loop.arms import figures
from examples.flights.loop.timeline import Timeline
from examples.flights.stream import FlightStream, Malformed
from producers.replay import Outgoing

SCHEMA = FeatureSchema((Feature("distance", "numeric"), Feature("carrier", "categorical")))


@pytest.fixture(scope="module")
def stream() -> FlightStream:
    return FlightStream(3000, "run")


def moments(items: list[Outgoing]) -> list[datetime]:
    return [
        to_datetime(message.occurred_at)
        for item in items
        for message in ([item.event] if item.event else [label for label, _ in item.labels])
    ]


def test_a_label_comes_when_its_flight_has_landed(stream: FlightStream) -> None:
    timeline = Timeline(stream, SCHEMA)
    noon = datetime(2013, 6, 1, 12, tzinfo=UTC)
    items = [item for item in timeline.until(noon) if isinstance(item, Outgoing)]
    assert moments(items) == sorted(moments(items))
    assert max(moments(items)) < noon
    departed = {item.event.event_id for item in items if item.event}
    landed = {label.event_id for item in items for label, _ in item.labels}
    assert landed < departed  # some are in the air


def test_nothing_is_sent_twice_or_left_out_from_window_to_window(stream: FlightStream) -> None:
    timeline = Timeline(stream, SCHEMA)
    moment, sent = datetime(2013, 3, 1, tzinfo=UTC), []
    while timeline.sent < len(stream):
        moment += timedelta(days=7)
        sent += list(timeline.until(moment))
    sent += list(timeline.until(moment + timedelta(days=7)))
    events = [item.event.event_id for item in sent if isinstance(item, Outgoing) and item.event]
    labels = [
        label.event_id for item in sent if isinstance(item, Outgoing) for label, _ in item.labels
    ]
    malformed = [item for item in sent if isinstance(item, Malformed)]
    assert len(events) == len(set(events)) == len(stream) - len(malformed)
    assert len(malformed) == stream.malformed
    assert len(labels) == len(set(labels)) > 0.9 * len(events)


def test_both_arms_are_judged_on_the_same_events() -> None:
    rows = pd.DataFrame(
        {
            "late": [True, False, True, False],
            "prediction.probabilities.true": [0.9, 0.2, 0.6, 0.4],
            "prediction.probabilities.true.stale": [0.4, 0.6, 0.7, 0.3],
            "prediction.label": ["true", "false", "true", "false"],
            "prediction.label.stale": ["false", "true", "true", "false"],
        }
    )
    found = figures(rows)
    assert found.auc is not None
    assert (found.labelled, found.auc.loop, found.auc.stale) == (4, 1.0, 0.75)
    assert (found.f1.loop, found.f1.stale) == (1.0, 0.5)
    assert found.log_loss.loop < found.log_loss.stale
