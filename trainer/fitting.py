"""From prepared columns to a fitted model with honest figures: fit, choose, fit again, test."""

from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from contracts.errors import UsageError
from contracts.feature_schema import FeatureSchema
from contracts.packages import Metrics
from contracts.scorer import Columns, Scorer, label_text
from trainer.estimators import EstimatorKind, build_pipeline
from trainer.evaluation import best_threshold, classification_metrics, regression_metrics
from trainer.recipes import Recipe
from trainer.splitting import Rows, Split
from trainer.task_detection import TrainedTask


class FittedModel(Struct, frozen=True):
    """A model ready to be packaged.

    Args:
        estimator: the class name of the pipeline's last step.
        scorer: the fitted pipeline behind the path that serves.
        classes: as written in messages, in the order of the probabilities.
        threshold: for two classes, the probability of the second from which it is predicted.
        metrics: `validation` of the model fitted on train, `test` of the one fitted on
            train and validation.
    """

    estimator: str
    scorer: Scorer
    classes: tuple[str, ...]
    threshold: float | None
    metrics: dict[str, Metrics]


def fit_model(
    kind: EstimatorKind,
    task: TrainedTask,
    schema: FeatureSchema,
    columns: Columns,
    target: NDArray[Any],
    split: Split,
    recipe: Recipe,
) -> FittedModel:
    """Fit on train, choose the threshold on validation, fit anew on both, measure on test.

    With times, the validation rows are more like what the model will meet than the older ones
    are: hence the second fit. The test rows are met once, after everything is decided; only a
    recipe whose `final_fit` is `all` then fits a third time, on every row.

    Args:
        columns: one list of n values per feature of the schema.
        target: the n true values.

    Raises:
        UsageError: scikit-learn cannot take the data, for example values beyond float32.
    """

    def fit(rows: Rows) -> Pipeline:
        pipeline = build_pipeline(kind, task, schema, recipe.random_state)
        try:
            return pipeline.fit(_take(inputs, rows), target[rows])
        except ValueError as error:  # scikit-learn's word for data it cannot take
            raise UsageError(
                f"the {kind} estimator cannot be fitted to this data, exclude the column or take "
                f"another estimator: {str(error).splitlines()[0]}"
            ) from error

    # Exactly what a worker will feed, so that training and serving cannot differ.
    inputs = Scorer(task, schema, build_pipeline(kind, task, schema, recipe.random_state)).inputs(
        columns
    )
    first = fit(split.train)
    threshold = _threshold(first, inputs, target, split.validation, task)
    validation = _metrics(first, inputs, target, split.validation, threshold, task)
    final = fit(split.before_test)
    metrics = {
        "validation": validation,
        "test": _metrics(final, inputs, target, split.test, threshold, task),
    }
    if recipe.final_fit == "all":
        final = fit(np.arange(len(target)))
    if len(_classes(final, task)) != 2:
        threshold = None  # a third class occurs in later rows only
    classes = tuple(label_text(value) for value in _classes(final, task))
    return FittedModel(
        type(final[-1]).__name__,
        Scorer(task, schema, final, classes, threshold),
        classes,
        threshold,
        metrics,
    )


def _classes(model: Pipeline, task: TrainedTask) -> list[Any]:
    return model.classes_.tolist() if task == "classification" else []


def _threshold(
    model: Pipeline, inputs: Any, target: NDArray[Any], rows: Rows, task: TrainedTask
) -> float | None:
    classes = _classes(model, task)
    if len(classes) != 2:
        return None
    scores = model.predict_proba(_take(inputs, rows))[:, 1]
    return best_threshold(np.asarray(target[rows] == classes[1]), scores)


def _metrics(
    model: Pipeline,
    inputs: Any,
    target: NDArray[Any],
    rows: Rows,
    threshold: float | None,
    task: TrainedTask,
) -> Metrics:
    given = _take(inputs, rows)
    if task == "regression":
        return regression_metrics(target[rows], model.predict(given))
    return classification_metrics(
        target[rows], model.predict_proba(given), model.classes_, threshold
    )


def _take(inputs: Any, rows: Rows) -> Any:
    return inputs[rows] if isinstance(inputs, np.ndarray) else inputs.iloc[rows]
