"""The loop's demonstration: what is known when, and how both arms are judged."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from contracts.events import to_datetime
from contracts.feature_schema import Feature, FeatureSchema
from examples.flights.loop.arms import figures
from examples.flights.loop.timeline import Timeline
from examples.flights.loop.trail import trail_of
from examples.flights.recipes import recipe
from examples.flights.stream import FlightStream, Malformed
from producers.replay import Outgoing
from trainer.recipes import read_recipe

PROJECT = Path(__file__).parents[2]
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


def test_the_recipe_that_people_read_is_that_of_the_demonstration() -> None:
    written = read_recipe(PROJECT / "examples" / "flights" / "january_february.toml")
    start, end = datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 3, 1, tzinfo=UTC)
    assert written == recipe(start, end)


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


EVENTS = ["model.version", "model_event.kind", "model_event.retraining", "model_event.alert"]


def told(rows: list[tuple[object, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*EVENTS, "model_event.sequence"])


def raised(*alerts: str) -> pd.DataFrame:
    rows = [(alert, alert.split("-")[2], "raised") for alert in alerts]
    return pd.DataFrame(rows, columns=["alert.id", "alert.kind", "alert.state"])


def test_a_year_in_which_nothing_happened_has_a_trail_too() -> None:
    found = trail_of(told([]).astype(float), raised(), stationary=True)
    assert (found.alerts, found.retrainings, found.false_alarms) == ({}, 0, 0)
    assert found.deployed == {}


def test_what_came_of_alerts_is_told_once() -> None:
    june, july = 1_370_044_800, 1_372_636_800
    events = told(
        [
            (None, "retraining_began", f"m-1-drift-7-{june}", "m-1-drift-7", None),
            ("2", "retraining_ended", f"m-1-drift-7-{june}", "m-1-drift-7", 2.0),
            ("2", "retraining_ended", f"m-1-drift-7-{june}", "m-1-drift-7", 2.0),
            ("3", "retraining_ended", f"m-2-drift-8-{july}", "m-2-drift-8", None),
            (None, "retraining_ended", f"m-2-drift-9-{july}", "m-2-drift-9", None),
        ]
    )
    found = trail_of(events, raised("m-1-drift-7", "m-1-drift-7", "m-2-drift-8"), stationary=False)
    assert (found.alerts, found.retrainings, found.refused) == ({"drift": 2}, 2, 1)
    assert (found.false_alarms, found.deployed) == (1, {"2013-06": 1})
