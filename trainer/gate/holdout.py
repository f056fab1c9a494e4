"""Held-out rows as they lie in a package: what a candidate and the champion are compared on."""

from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from contracts.events import FeatureValue
from contracts.feature_schema import FeatureSchema
from contracts.packages import Task
from contracts.scorer import Columns

MOST_ROWS = 20_000
"""Enough for the standard error of an AUC of .003, and some MB."""


class HeldOut(Struct, frozen=True, kw_only=True):
    """n rows that the model was not fitted on: feature -> n values, target -> n true values."""

    task: Task
    features: dict[str, list[FeatureValue]]
    truth: dict[str, list[FeatureValue]]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.features.values()), ()))

    def columns(self, schema: FeatureSchema) -> Columns:
        """The rows as a model of a schema takes them; features they do not have are missing."""
        return [self.features.get(name, [None] * self.rows) for name in schema.names]


def chosen_rows(count: int) -> Sequence[int]:
    """Numbers of at most `MOST_ROWS` of n rows, spread evenly: rows in order of time stay so."""
    numbers: list[int] = np.linspace(0, count - 1, num=min(count, MOST_ROWS), dtype=int).tolist()
    return numbers
