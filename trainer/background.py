"""The background of a package: rows that explanations of predictions start from."""

from collections.abc import Sequence

import msgspec
import numpy as np

from contracts.events import FeatureValue
from contracts.scorer import Columns
from trainer.splitting import Rows

MOST_ROWS = 30
"""Every explanation asks the model about each of them, twice for each feature."""
MOST_BYTES = 100_000
"""As JSON: rows with long texts or thousands of features are fewer, as manifests are read often."""


def background_rows(
    names: Sequence[str], columns: Columns, rows: Rows
) -> tuple[dict[str, FeatureValue], ...]:
    """Choose rows spread evenly over those that a model is fitted on.

    Args:
        columns: one list of n values per feature.
        rows: those the model learns from.
    """
    for most in range(min(MOST_ROWS, len(rows)), 0, -1):
        places = np.linspace(0, len(rows) - 1, num=most, dtype=int).tolist()
        chosen = tuple(
            {name: column[rows[place]] for name, column in zip(names, columns, strict=True)}
            for place in places
        )
        if len(msgspec.json.encode(chosen)) <= MOST_BYTES:
            return chosen
    return ()
