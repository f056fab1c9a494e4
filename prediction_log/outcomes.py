"""Predictions beside what really happened."""

from datetime import datetime

import pandas as pd

from contracts.settings import Settings
from prediction_log.reader import read


def read_outcomes(
    settings: Settings,
    model: str,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
) -> pd.DataFrame:
    """Join the serving predictions of a model with its labels on the event id.

    Args:
        start: inclusive, in event time of the prediction.
        end: exclusive.

    Returns:
        One row per prediction that has a label: `@timestamp`, `event.id`, `model.version`,
        `model.role`, all leaves of `prediction`, `label.value` (text, as classes are written) and
        `label.number`. A corrected label counts as corrected.

    Raises:
        UnreachableError: Elasticsearch does not answer.
        MillraceError: Elasticsearch refused.
    """
    predictions = read(
        settings,
        model,
        start=start,
        end=end,
        columns=["@timestamp", "event.id", "model.version", "model.role", "prediction"],
    )
    predictions = predictions[predictions["model.role"] != "shadow"]
    labels = read(
        settings,
        model,
        kind="labels",
        columns=["event.id", "label.value", "label.number", "kafka.partition", "kafka.offset"],
    )
    # Labels of one event have one key, so one partition: the greatest offset is the latest word.
    latest = labels.sort_values("kafka.offset").drop_duplicates("event.id", keep="last")
    return predictions.merge(
        latest[["event.id", "label.value", "label.number"]], on="event.id", validate="many_to_one"
    )
