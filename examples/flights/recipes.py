"""How the flight-delay model is trained."""

from datetime import datetime

from contracts.release_rules import MonitorRule, RetrainRule
from examples.flights.data import WEATHER
from trainer.recipes import Recipe

MODEL = "flight_delays"
DAY = 24.0
WEEK = 7 * DAY
FLIGHTS = "examples.flights.data:flights"
STATIONARY = "examples.flights.data:stationary_flights"


def recipe(start: datetime, end: datetime, data: str = FLIGHTS, model: str = MODEL) -> Recipe:
    """Train on the flights scheduled to depart in [start, end); no zone means UTC."""
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
        retrain=RetrainRule(train_hours=60 * DAY, cooldown_hours=2 * WEEK),
    )
