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


class Plan(Struct, frozen=True):
    """How a pipeline that is not fitted is made; `kind` and `why` are in words for people."""

    build: Callable[[], Pipeline]
    kind: str
    why: str


def plan(recipe: Recipe, data: TrainingData) -> Plan:
    """Choose the estimator and its preparation.

    Raises:
        UsageError: there is no such estimator, or it has not these parameters.
    """
    schema, task = data.profile.schema, data.task.task
    if SOURCE_FUNCTION.match(recipe.estimator):
        factory = imported(recipe.estimator, "estimator")
        build = partial(build_custom, factory, schema, recipe.parameters)
        return Plan(build, recipe.estimator, "as asked")
    first = next(iter(data.examples.targets.values()), np.zeros(1))
    classify = first.dtype != np.float64
    kind, why = choose_estimator(
        recipe.estimator,
        task,
        data.window.rows,
        len(np.unique(first)) if classify else 0,
        words=any(feature.kind == "text" for feature in schema.features),
    )
    parameters = dict(recipe.parameters)
    if kind == "kmeans" and "n_clusters" not in parameters:
        parameters["n_clusters"] = _clusters(recipe, data, kind, parameters)
    return Plan(_builder(recipe, data, kind, parameters, classify=classify), kind, why)


def _builder(
    recipe: Recipe,
    data: TrainingData,
    kind: EstimatorKind,
    parameters: dict[str, Any],
    *,
    classify: bool,
) -> Callable[[], Pipeline]:
    return partial(
        build_pipeline,
        kind,
        data.task.task,
        data.profile.schema,
        recipe.random_state,
        parameters,
        classify=classify,
    )


def _clusters(
    recipe: Recipe, data: TrainingData, kind: EstimatorKind, parameters: dict[str, Any]
) -> int:
    """The number whose clusters stand apart most on training rows, by their silhouette
    (Rousseeuw 1987)."""
    train = data.split.train
    some = train[np.linspace(0, len(train) - 1, min(len(train), _ROWS_TO_CHOOSE_BY), dtype=int)]
    columns = [[column[row] for row in some] for column in data.examples.columns]
    best, most = 2, -1.0
    for number in range(2, min(MOST_CLUSTERS, len(some) - 1) + 1):
        wanted = parameters | {"n_clusters": number}
        pipeline = _builder(recipe, data, kind, wanted, classify=False)()
        inputs = Scorer("clustering", data.profile.schema, pipeline).inputs(columns)
        found = pipeline.fit(inputs).predict(inputs)
        if len(np.unique(found)) < number:
            break  # fewer different rows than clusters
        apart = float(silhouette_score(pipeline[:-1].transform(inputs), found))
        if apart > most:
            best, most = number, apart
    return best
