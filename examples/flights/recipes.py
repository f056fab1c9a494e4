"""How the flight-delay model is trained."""

from datetime import datetime

from contracts.release_rules import MonitorRule, RetrainRule
from examples.flights.data import WEATHER
from trainer.recipes import Recipe

MODEL = "flight_delays"
MONTH_OF_FLIGHTS = 28_000
DAY = 24.0
WEEK = 7 * DAY
FLIGHTS = "examples.flights.data:flights"
STATIONARY = "examples.flights.data:stationary_flights"


def recipe(
    start: datetime,
    end: datetime,
    data: str = FLIGHTS,
    model: str = MODEL,
    least_rows: int = MONTH_OF_FLIGHTS,
) -> Recipe:
    """Train on the flights scheduled to depart in [start, end); no zone means UTC.

    Args:
        least_rows: labelled flights without which nothing is trained again.
    """
    return Recipe(
        model=model,
        data=data,
        target="label",
        task="classification",
        estimator="boosting",
        time_column="occurred_at",
        start=start,
        end=end,
        exclude=("event_id", "entity_id", "landed_at"),
        # A station may fall silent at any time, even if it never did in the training window.
        nullable=WEATHER,
        # Two weeks matter: on May and June the AUC for July is .76, without their last fifth .73.
        final_fit="all",
        # Weather changes from day to day and the timetable from weekday to weekday.
        monitor=MonitorRule(window_hours=WEEK),
        # All that the log has, up to a year: seasons come back, and 30, 60 or 90 days of these
        # flights taught less than 120, and those less than everything. A month teaches more than
        # the ten days that the log has at first.
        retrain=RetrainRule(train_hours=365 * DAY, least_rows=least_rows, cooldown_hours=2 * WEEK),
    )
