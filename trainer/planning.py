"""Which pipeline a recipe asks for, and why: decided before anything is fitted."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from msgspec import Struct
from sklearn.metrics import silhouette_score
from sklearn.pipeline import Pipeline

from contracts.scorer import Scorer
from trainer.data_sets import imported
from trainer.estimators import (
    MOST_CLUSTERS,
    EstimatorKind,
    build_custom,
    build_pipeline,
    choose_estimator,
)
from trainer.preparing import TrainingData
from trainer.recipes import SOURCE_FUNCTION, Recipe

_ROWS_TO_CHOOSE_BY = 2000


class Plan(Struct, frozen=True, kw_only=True):
    """How a pipeline that is not fitted is made; `kind` and `why` are in words for people.

    Args:
        make: gives a pipeline with these parameters of its estimator.
        classify: whether classes are foretold.
    """

    make: Callable[[dict[str, Any]], Pipeline]
    parameters: dict[str, Any]
    kind: str
    why: str
    classify: bool

    def build(self) -> Pipeline:
        """A pipeline as planned."""
        return self.make(self.parameters)


def plan(recipe: Recipe, data: TrainingData) -> Plan:
    """Choose the estimator and its preparation.

    Raises:
        UsageError: there is no such estimator, or it has not these parameters.
    """
    schema, task = data.profile.schema, data.task.task
    first = next(iter(data.examples.targets.values()), np.zeros(1))
    classify = first.dtype != np.float64
    if SOURCE_FUNCTION.match(recipe.estimator):
        factory = imported(recipe.estimator, "estimator")
        return Plan(
            make=partial(build_custom, factory, schema),
            parameters=recipe.parameters,
            kind=recipe.estimator,
            why="as asked",
            classify=classify,
        )
    kind, why = choose_estimator(
        recipe.estimator,
        task,
        data.window.rows,
        len(np.unique(first)) if classify else 0,
        words=any(feature.kind == "text" for feature in schema.features),
    )
    make = _maker(recipe, data, kind, classify=classify)
    parameters = dict(recipe.parameters)
    if kind == "kmeans" and "n_clusters" not in parameters:
        parameters["n_clusters"] = _clusters(data, make, parameters)
    return Plan(make=make, parameters=parameters, kind=kind, why=why, classify=classify)


def _maker(
    recipe: Recipe, data: TrainingData, kind: EstimatorKind, *, classify: bool
) -> Callable[[dict[str, Any]], Pipeline]:
    task, schema, seed = data.task.task, data.profile.schema, recipe.random_state
    return partial(build_pipeline, kind, task, schema, seed, classify=classify)


def _clusters(
    data: TrainingData, make: Callable[[dict[str, Any]], Pipeline], parameters: dict[str, Any]
) -> int:
    """The number whose clusters stand apart most on training rows, by their silhouette
    (Rousseeuw 1987)."""
    train = data.split.train
    some = train[np.linspace(0, len(train) - 1, min(len(train), _ROWS_TO_CHOOSE_BY), dtype=int)]
    columns = [[column[row] for row in some] for column in data.examples.columns]
    best, most = 2, -1.0
    for number in range(2, min(MOST_CLUSTERS, len(some) - 1) + 1):
        pipeline = make(parameters | {"n_clusters": number})
        inputs = Scorer("clustering", data.profile.schema, pipeline).inputs(columns)
        found = pipeline.fit(inputs).predict(inputs)
        if len(np.unique(found)) < number:
            break  # fewer different rows than clusters
        apart = float(silhouette_score(pipeline[:-1].transform(inputs), found))
        if apart > most:
            best, most = number, apart
    return best
