"""From rows of features to predictions: the one path that trainer, gate and worker share."""

import warnings
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import Any, Protocol

import numpy as np
import pandas as pd
from msgspec import Raw
from numpy.typing import NDArray

from contracts.events import (
    Anomaly,
    Classification,
    Clustering,
    FeatureValue,
    Outcome,
    Regression,
)
from contracts.feature_rows import RowReader
from contracts.feature_schema import FeatureSchema
from contracts.packages import Task

Columns = Sequence[Sequence[FeatureValue]]
Inputs = NDArray[np.float64] | pd.DataFrame
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
    """

    def __init__(
        self,
        task: Task,
        schema: FeatureSchema,
        estimator: Estimator,
        classes: Sequence[str] = (),
        threshold: float | None = None,
    ) -> None:
        self.schema = schema
        self.estimator = estimator
        self._classes = tuple(classes)
        self._threshold = threshold
        self._answer = {
            "classification": self._classify,
            "regression": self._regress,
            "clustering": self._cluster,
            "anomaly": self._detect,
        }[task]

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
            return self._answer(inputs)

    def inputs(self, columns: Columns) -> Inputs:
        """What the estimator is fitted on and fed with: a float matrix if all features are
        numbers (None becomes NaN), otherwise a data frame with strings as objects."""
        if self.schema.all_numbers:
            return np.array(columns, dtype=np.float64).T
        return pd.DataFrame(
            {
                feature.name: pd.Series(
                    np.array(column, dtype=object if feature.kind == "categorical" else float),
                    dtype=object if feature.kind == "categorical" else float,
                )
                for feature, column in zip(self.schema.features, columns, strict=True)
            }
        )

    def read(self, objects: Iterable[Raw]) -> Inputs | None:
        """The inputs straight from the JSON of n events' features, at least one.

        Returns:
            None if one of them is not just what the schema asks for.
        """
        rows = self._reader.read(objects)
        if rows is None:
            return None
        if not self.schema.all_numbers:
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

    def _classify(self, inputs: Any) -> Sequence[Outcome | None]:
        if not hasattr(self.estimator, "predict_proba"):
            return [
                Classification(label_text(value), None, {})
                for value in np.asarray(self.estimator.predict(inputs)).tolist()
            ]
        probabilities = np.asarray(self.estimator.predict_proba(inputs), dtype=np.float64)
        if self._threshold is not None and probabilities.shape[1] == 2:
            best = (probabilities[:, 1] >= self._threshold).astype(np.intp)
        else:
            best = probabilities.argmax(axis=1)
        rows = probabilities.tolist()
        shares: list[dict[str, float]]
        if len(self._classes) == 2:  # by far the most frequent, and a display is thrice as fast
            one, other = self._classes
            shares = [{one: first, other: second} for first, second in rows]
        else:
            shares = [dict(zip(self._classes, row, strict=True)) for row in rows]
        labels = [self._classes[index] for index in best.tolist()]
        confidences = probabilities[np.arange(len(rows)), best].tolist()
        answers = list(map(Classification, labels, confidences, shares))
        return _without_infinite(answers, np.isfinite(probabilities.sum(axis=1)))

    def _regress(self, inputs: Any) -> Sequence[Outcome | None]:
        values = np.asarray(self.estimator.predict(inputs), dtype=np.float64).ravel()
        return _without_infinite(list(map(Regression, values.tolist())), np.isfinite(values))

    def _cluster(self, inputs: Any) -> Sequence[Outcome | None]:
        clusters = np.asarray(self.estimator.predict(inputs)).tolist()
        if not hasattr(self.estimator, "transform"):
            return [Clustering(int(cluster)) for cluster in clusters]
        distances = np.asarray(self.estimator.transform(inputs)).min(axis=1).tolist()
        return [
            Clustering(int(cluster), distance)
            for cluster, distance in zip(clusters, distances, strict=True)
        ]

    def _detect(self, inputs: Any) -> Sequence[Outcome | None]:
        verdicts = np.asarray(self.estimator.predict(inputs)).tolist()
        scores = np.asarray(self.estimator.decision_function(inputs)).tolist()  # type: ignore[attr-defined]
        return [Anomaly(v == -1, score) for v, score in zip(verdicts, scores, strict=True)]


def _without_infinite(
    answers: Sequence[Outcome], finite: NDArray[np.bool_]
) -> Sequence[Outcome | None]:
    if finite.all():
        return answers
    return [answer if ok else None for answer, ok in zip(answers, finite.tolist(), strict=True)]


def label_text(value: object) -> str:
    """How a class is written in messages: true/false, integers without '.0', else as text."""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
