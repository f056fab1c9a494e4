"""How the flight-delay model is trained."""

from datetime import datetime

from examples.flights.data import WEATHER
from trainer.recipes import Recipe

MODEL = "flight_delays"


def recipe(start: datetime, end: datetime) -> Recipe:
    """Train on the flights scheduled to depart in [start, end); no zone means UTC."""
    return Recipe(
        model=MODEL,
        data="examples.flights.data:flights",
        target="label",
        task="classification",
        estimator="boosting",
        time_column="occurred_at",
        start=start,
        end=end,
        exclude=("event_id", "entity_id"),
        # A station may fall silent at any time, even if it never did in the training window.
        nullable=WEATHER,
        # Two weeks matter: on May and June the AUC for July is .76, without their last fifth .73.
        final_fit="all",
    )
