"""From rows of features to predictions: the one path that trainer, gate and worker share."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from msgspec import Raw
from numpy.typing import NDArray

from contracts.answers import answer_several, classify, cluster, detect, regress
from contracts.events import FeatureValue, Outcome
from contracts.feature_rows import RowReader
from contracts.feature_schema import Feature, FeatureSchema, seconds
from contracts.packages import Costs, Target, Task

if TYPE_CHECKING:
    import pandas as pd

Columns = Sequence[Sequence[FeatureValue]]
Inputs: TypeAlias = "NDArray[np.float64] | pd.DataFrame"
"""n rows as an estimator takes them; a slice of them is some of the rows."""


class Estimator(Protocol):
    """What we need of a scikit-learn estimator or pipeline."""

    def predict(self, features: Any, /) -> Any:
        """Give one answer per row."""


class Scorer:
    """A loaded model: columns in, one outcome per row out, one predict call per batch.

    Args:
        schema: the features, in the order of the columns.
        estimator: a fitted scikit-learn estimator or pipeline.
        classes: labels in the order of the estimator's probabilities.
        threshold: for two classes, the probability of the second from which it is predicted.
        targets: several outputs, in the order of the estimator's.
        costs: if they are by class, the label is the one of least expected cost.
    """

    def __init__(
        self,
        task: Task,
        schema: FeatureSchema,
        estimator: Estimator,
        classes: Sequence[str] = (),
        threshold: float | None = None,
        targets: Sequence[Target] = (),
        costs: Costs | None = None,
    ) -> None:
        self.schema = schema
        self.estimator = estimator
        by_class = np.array(costs.matrix(classes)) if costs and costs.by_class else None
        answer: dict[Task, Callable[[Any, Any], Sequence[Outcome | None]]] = {
            "classification": partial(
                classify, classes=tuple(classes), threshold=threshold, costs=by_class
            ),
            "regression": regress,
            "clustering": cluster,
            "anomaly": detect,
            "multi_output": partial(answer_several, targets=tuple(targets)),
        }
        self._answer = answer[task]

    def predict(self, columns: Columns) -> Sequence[Outcome | None]:
        """Score n rows given as one list per feature; returns as `answer`."""
        return self.answer(self.inputs(columns))

    def answer(self, inputs: Inputs) -> Sequence[Outcome | None]:
        """Score n rows by one call of the estimator.

        Returns:
            n outcomes; None where the model's answer is not a finite number.
        """
        with warnings.catch_warnings():
            # A warning per batch would drown the log; training has shown them once.
            warnings.simplefilter("ignore")
            return self._answer(self.estimator, inputs)

    def inputs(self, columns: Columns) -> Inputs:
        """What the estimator is fitted on and fed with: a float matrix if all features are
        numbers, otherwise a data frame with strings as objects.

        What is missing becomes NaN, or None among categories, or an empty text. Times become
        seconds since 1970.
        """
        arrays = [
            _array(feature, column)
            for feature, column in zip(self.schema.features, columns, strict=True)
        ]
        if self.schema.all_numbers:
            return np.column_stack(arrays)
        import pandas as pd  # half a second, for models that ask for it

        names = self.schema.names
        return pd.DataFrame(
            {name: pd.Series(a, dtype=a.dtype) for name, a in zip(names, arrays, strict=True)}
        )

    def read(self, objects: Iterable[Raw]) -> Inputs | None:
        """The inputs straight from the JSON of n events' features, at least one.

        Returns:
            None if one of them is not just what the schema asks for.
        """
        rows = self._reader.read(objects)
        if rows is None:
            return None
        if not self.schema.as_received:
            return self.inputs(list(zip(*rows, strict=True)))
        if self._has_gaps:
            return np.array(rows, dtype=np.float64)
        size = len(self.schema.features)
        flat = np.fromiter(chain.from_iterable(rows), np.float64, len(rows) * size)
        return flat.reshape(len(rows), size)

    @cached_property
    def _reader(self) -> RowReader:
        return RowReader(self.schema)

    @cached_property
    def _has_gaps(self) -> bool:
        return any(feature.nullable for feature in self.schema.features)


def _array(feature: Feature, column: Sequence[FeatureValue]) -> NDArray[Any]:
    if feature.kind == "categorical":
        return np.array(column, dtype=object)
    if feature.kind == "text":
        return np.array(["" if value is None else value for value in column], dtype=object)
    if feature.kind == "datetime":
        return np.array([seconds(value) for value in column], dtype=np.float64)
    return np.array(column, dtype=np.float64)
