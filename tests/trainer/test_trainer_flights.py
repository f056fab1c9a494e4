"""The flights are real, complete, and carry nothing that is known only after departure."""

from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from examples.flights.data import FEATURES, flights, stationary_flights
from examples.flights.recipes import recipe
from trainer.preparing import prepare
from trainer.recipes import read_recipe


@pytest.fixture(scope="module")
def year() -> pd.DataFrame:
    return flights()


def test_every_flight_is_an_event_of_its_own(year: pd.DataFrame) -> None:
    assert len(year) == 336_776
    assert year["event_id"].is_unique
    assert year["entity_id"].notna().all()
    assert year["occurred_at"].is_monotonic_increasing


def test_a_flight_is_late_after_15_minutes_and_unknown_if_it_never_arrived(
    year: pd.DataFrame,
) -> None:
    assert year["label"].isna().sum() == 9_430
    first = year.set_index("event_id").loc["UA1545-EWR-20130101"]
    assert first["label"] is False  # 11 minutes
    assert first["entity_id"] == "N14228"
    assert first["occurred_at"] == pd.Timestamp("2013-01-01T10:15Z")
    assert (first["temp"], first["dest"], first["weekday"]) == (39.02, "IAH", 1.0)
    assert year.set_index("event_id").loc["AA1141-JFK-20130101", "label"] is True  # 33 minutes


def test_nothing_but_the_plan_and_the_weather_is_a_feature(year: pd.DataFrame) -> None:
    own = ["event_id", "entity_id", "occurred_at", "landed_at", "label"]
    assert [*year.columns] == [*own, *FEATURES]
    assert not {"dep_delay", "dep_time", "arr_time", "air_time"} & set(FEATURES)


def test_the_window_is_half_open() -> None:
    day = flights(datetime(2013, 3, 1), datetime(2013, 3, 2, tzinfo=UTC))
    assert day["occurred_at"].min() >= pd.Timestamp("2013-03-01T00:00Z")
    assert day["occurred_at"].max() < pd.Timestamp("2013-03-02T00:00Z")
    assert 700 < len(day) < 1100


def test_the_recipe_understands_the_flights() -> None:
    data = prepare(recipe(datetime(2013, 1, 1), datetime(2013, 1, 15)))
    assert data.task.task == "classification"
    assert data.profile.schema.names == FEATURES
    assert data.time_column.name == "occurred_at"
    assert data.rows_without_target > 0
    weather = [f for f in data.profile.schema.features if f.name in ("temp", "visib")]
    assert all(feature.nullable for feature in weather)


def test_the_recipe_file_says_the_same_as_the_function() -> None:
    file = Path(__file__).parents[2] / "examples" / "flights" / "january_february.toml"
    window = datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 3, 1, tzinfo=UTC)
    assert read_recipe(file) == recipe(*window)


def test_what_became_of_a_flight_is_known_when_it_has_landed(year: pd.DataFrame) -> None:
    assert (year["landed_at"].notna() == year["label"].notna()).all()
    in_the_air = (year["landed_at"] - year["occurred_at"]).dropna()
    assert in_the_air.min() > pd.Timedelta(0)
    assert in_the_air.median() < pd.Timedelta(hours=4)


def test_the_year_without_drift_has_the_same_flights_at_the_same_times(year: pd.DataFrame) -> None:
    dealt = stationary_flights()
    assert (dealt["occurred_at"] == year["occurred_at"]).all()
    assert sorted(dealt["event_id"]) == sorted(year["event_id"])
    late = dealt["label"].dropna().astype(bool).groupby(dealt["occurred_at"].dt.month).mean()
    assert late.max() - late.min() < 0.02  # in the real one 9 % in September, 32 % in July
