"""The invented problem: will a payment be disputed? Ten features, two regimes (pure).

It is the same for every seed: a model that learned one stream serves all others.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

LABEL = "disputed"
MOVING = ("amount", "distance_km", "channel")
"""Features whose distribution is another in the second regime."""

_CHANNELS = np.array(["web", "app", "shop", "phone"], dtype=object)
_CHANNEL_SHARES = np.array([[0.40, 0.30, 0.20, 0.10], [0.32, 0.41, 0.20, 0.07]])
_CHANNEL_EFFECTS = np.array([[0.6, 0.0, -0.8, 0.9], [0.0, 0.7, -0.8, 0.9]])
_REGIONS = np.array([f"r{number:02}" for number in range(12)], dtype=object)
_REGION_SHARES = np.arange(12, 0, -1) / 78
_REGION_EFFECTS = np.linspace(-0.5, 0.5, 12)
_AMOUNT_SHIFT, _DISTANCE_SHIFT = 0.35, -0.3
"""In standard deviations of the logarithm."""

_AMOUNT_EFFECT = np.array([1.1, 0.5])
_AGE_EFFECT = np.array([-0.9, -0.3])
_MISSING = {"balance": 0.05, "distance_km": 0.08, "region": 0.02, "verified": 0.03}


def payments(rng: np.random.Generator, moved: Mask, turned: Mask) -> pd.DataFrame:
    """Draw n rows: ten features, some of them missing at random, and the label.

    Args:
        moved: n; rows whose features are of the second regime: amounts are higher, ways shorter,
            more comes by the app.
        turned: n; rows whose label depends on the features as in the second regime: amount and
            age say less, and the app is what the web was.
    """
    rows = len(moved)
    regime, relation = moved.astype(int), turned.astype(int)
    amount, age, balance, distance, score = rng.standard_normal((5, rows))
    balance = 0.5 * amount + np.sqrt(0.75) * balance
    amount = amount + _AMOUNT_SHIFT * regime
    distance = distance + _DISTANCE_SHIFT * regime
    hour = rng.uniform(0.0, 24.0, rows)
    channel = (rng.random(rows)[:, None] > np.cumsum(_CHANNEL_SHARES, axis=1)[regime]).sum(axis=1)
    channel = np.minimum(channel, len(_CHANNELS) - 1)
    region = rng.choice(len(_REGIONS), rows, p=_REGION_SHARES)
    returning, verified = rng.random((2, rows)) < np.array([[0.6], [0.75]])
    logit = (
        -1.0
        + _AMOUNT_EFFECT[relation] * amount
        + _AGE_EFFECT[relation] * age
        + _CHANNEL_EFFECTS[relation, channel]
        + _REGION_EFFECTS[region]
        + 0.5 * amount * distance
        + 0.7 * score
        + 0.4 * ((hour < 6.0) & ~verified)
        - 0.5 * returning
    )
    columns: dict[str, object] = {
        "amount": np.exp(3.5 + 0.8 * amount).round(2),
        "balance": (1500.0 + 900.0 * balance).round(2),
        "account_age_days": np.exp(5.5 + age).round(),
        "hour": hour.round(2),
        "distance_km": np.exp(2.0 + 1.2 * distance).round(1),
        "score": (50.0 + 15.0 * score).round(1),
        "channel": _CHANNELS[channel],
        "region": _REGIONS[region],
        "returning": returning,
        "verified": verified,
    }
    for name, share in _MISSING.items():
        columns[name] = pd.Series(columns[name]).mask(rng.random(rows) < share)
    columns[LABEL] = rng.random(rows) < 1 / (1 + np.exp(-logit))
    return pd.DataFrame(columns)
