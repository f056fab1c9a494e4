"""From alerts to deployments, as Elasticsearch has the trail."""

import pandas as pd
from msgspec import Struct

from contracts.settings import Settings
from prediction_log.reader import read


class Trail(Struct, frozen=True, kw_only=True):
    """What the loop noticed and did.

    Args:
        alerts: kind -> raised.
        retrainings: that led to a candidate.
        refused: whose candidate did not serve.
        false_alarms: alerts that nothing came of: a retraining answered, and its candidate was no
            better than what served. Without drift every alert is one.
        deployed: month in which the training data of a version end, as `2013-06` -> versions.
    """

    alerts: dict[str, int]
    retrainings: int
    refused: int
    false_alarms: int
    deployed: dict[str, int]


def read_trail(settings: Settings, model: str, *, stationary: bool) -> Trail:
    """Read what the loop did since the model's first version of this installation was deployed.

    Args:
        stationary: there was no drift.
    """
    events = read(
        settings,
        model,
        kind="model-events",
        columns=[
            "model.version",
            "model_event.kind",
            "model_event.retraining",
            "model_event.alert",
            "model_event.sequence",
        ],
    )
    alerts = read(settings, model, kind="alerts", columns=["alert.id", "alert.kind", "alert.state"])
    return trail_of(events, alerts, stationary=stationary)


def trail_of(events: pd.DataFrame, alerts: pd.DataFrame, *, stationary: bool) -> Trail:
    """What model events and alerts say; arguments as their documents, one row each."""
    # Two monitors may have said the same.
    raised = alerts[alerts["alert.state"] == "raised"].drop_duplicates("alert.id")
    ended = events[events["model_event.kind"] == "retraining_ended"]
    ended = ended.drop_duplicates("model_event.retraining").dropna(subset="model.version")
    refused = ended[ended["model_event.sequence"].isna()]
    served = ended[ended["model_event.sequence"].notna()]
    answered = refused["model_event.alert"].dropna().nunique()
    return Trail(
        alerts={str(kind): int(n) for kind, n in raised["alert.kind"].value_counts().items()},
        retrainings=len(ended),
        refused=len(refused),
        false_alarms=len(raised) if stationary else int(answered),
        deployed={str(m): int(n) for m, n in _months(served).value_counts().sort_index().items()},
    )


def _months(retrainings: pd.DataFrame) -> pd.Series:
    """A retraining's id ends with the end of its training data, in seconds since 1970."""
    # Where there is none the column is one of numbers.
    seconds = (
        retrainings["model_event.retraining"]
        .astype("str")
        .str.rsplit("-", n=1)
        .str[-1]
        .astype(float)
    )
    return pd.to_datetime(seconds, unit="s", utc=True).dt.strftime("%Y-%m")
