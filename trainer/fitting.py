"""From prepared columns to a fitted model with honest figures: fit, choose, fit again, test."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score
from sklearn.pipeline import Pipeline

from contracts.answers import label_text
from contracts.errors import UsageError
from contracts.evaluation import Truth, outcome_metrics
from contracts.events import Clustering, Outcome
from contracts.feature_schema import FeatureSchema
from contracts.packages import Costs, Metrics, Target
from contracts.scorer import Columns, Scorer
from trainer.recipes import Recipe
from trainer.reference.answers import OutOfSample
from trainer.splitting import Rows, Split
from trainer.task_detection import TrainedTask
from trainer.thresholds import best_threshold

Answers = Sequence[Outcome | None]

_ROWS_OF_SILHOUETTE = 2000
"""Its cost grows with the square of the rows."""


class FittedModel(Struct, frozen=True):
    """A model ready to be packaged.

    Args:
        estimator: the class name of the pipeline's last step.
        scorer: the fitted pipeline behind the path that serves.
        honest: the same as it was before it saw a test row.
        classes: as written in messages, in the order of the probabilities.
        threshold: for two classes, the probability of the second from which it is predicted.
        targets: of several outputs.
        metrics: `validation` of the model fitted on train, `test` of the one fitted on
            train and validation.
        held_out: figures of that model on `held_out_rows`, some of the test rows.
        unseen: what these two answered on the validation and the test rows.
    """

    estimator: str
    scorer: Scorer
    honest: Scorer
    classes: tuple[str, ...]
    threshold: float | None
    targets: tuple[Target, ...]
    metrics: dict[str, Metrics]
    held_out: Metrics
    unseen: OutOfSample


class Examples(Struct, frozen=True):
    """What is to be learned.

    Args:
        columns: one list of n values per feature of the schema.
        targets: target -> n true values as scikit-learn takes them; none: there is nothing to
            foretell.
    """

    task: TrainedTask
    schema: FeatureSchema
    columns: Columns
    targets: dict[str, NDArray[Any]]

    @property
    def target(self) -> NDArray[Any] | None:
        """The n true values, or n × m for m targets, of which classes are text: scikit-learn
        takes one type for all."""
        arrays = list(self.targets.values())
        if len(arrays) < 2:
            return arrays[0] if arrays else None
        if arrays[0].dtype == np.float64:
            return np.column_stack(arrays)
        return np.array([list(map(label_text, array.tolist())) for array in arrays], object).T

    def truth(self, rows: Rows) -> Truth:
        """The true values of some rows as messages write them."""
        return {
            name: [float(v) for v in values[rows].tolist()]
            if values.dtype == np.float64
            else [label_text(v) for v in values[rows].tolist()]
            for name, values in self.targets.items()
        }


class Learner:
    """Fits pipelines to some rows of the examples, and measures them on others.

    Args:
        build: gives any pipeline for these examples; what it is fed with is prepared once.
    """

    def __init__(
        self, examples: Examples, recipe: Recipe, split: Split, build: Callable[[], Pipeline]
    ) -> None:
        self._examples, self._recipe, self._split = examples, recipe, split
        # Exactly what a worker will feed, so that training and serving cannot differ.
        self._inputs = Scorer(examples.task, examples.schema, build()).inputs(examples.columns)

    def validate(self, build: Callable[[], Pipeline]) -> "Validated":
        """Fit on train, choose the threshold on validation, and measure there: the test rows are
        not touched.

        Raises:
            UsageError: scikit-learn cannot take the data, for example values beyond float32, or
                costs by class do not fit it.
        """
        model = self.fit(build, self._split.train)
        if self._recipe.costs is not None and self._recipe.costs.by_class:
            _check_costs(self._recipe.costs, self._examples, model)
        rows = self._split.validation
        threshold = _threshold(model, self._inputs, self._examples, rows, self._recipe)
        answers = self.answers(model, threshold, rows)
        return Validated(threshold, answers, self.figures(model, rows, answers))

    def fit(self, build: Callable[[], Pipeline], rows: Rows) -> "_Fitted":
        """Fit a new pipeline to some rows; errors as `validate`."""
        pipeline, classes, target = build(), None, self._examples.target
        classify = self._examples.task == "classification"
        wanted = None if target is None else target[rows]
        if wanted is not None and classify and _takes_numbers_only(pipeline):
            classes, wanted = np.unique(wanted, return_inverse=True)
        try:
            pipeline.fit(_take(self._inputs, rows), wanted)
        except ValueError as error:  # scikit-learn's word for data it cannot take
            raise UsageError(
                f"{type(pipeline[-1]).__name__} cannot be fitted to this data, exclude the column "
                f"or take another estimator: {str(error).splitlines()[0]}"
            ) from error
        if classify and classes is None:
            classes = pipeline.classes_
        return _Fitted(pipeline, () if classes is None else tuple(classes.tolist()))

    def scorer(self, model: "_Fitted", threshold: float | None) -> Scorer:
        """A fitted pipeline behind the path that serves."""
        task, schema = self._examples.task, self._examples.schema
        targets, costs = _targets(model.pipeline, self._examples), self._recipe.costs
        return Scorer(task, schema, model.pipeline, model.labels, threshold, targets, costs)

    def answers(self, model: "_Fitted", threshold: float | None, rows: Rows) -> Answers:
        """What it answers to some rows."""
        return self.scorer(model, threshold).answer(_take(self._inputs, rows))

    def figures(self, model: "_Fitted", rows: Rows, answers: Answers) -> Metrics:
        """Measure its answers to some rows."""
        examples = self._examples
        if not examples.targets:
            return _figures_without_truth(model.pipeline, _take(self._inputs, rows), answers)
        known = _targets(model.pipeline, examples) or [
            Target(name, model.labels) for name in examples.targets
        ]
        classes = {one.name: one.classes for one in known}
        return outcome_metrics(answers, examples.truth(rows), classes, self._recipe.costs)


class Validated(Struct, frozen=True):
    """What the validation rows say about a model that was fitted on the training rows."""

    threshold: float | None
    answers: Answers
    figures: Metrics


def fit_model(
    build: Callable[[], Pipeline],
    examples: Examples,
    split: Split,
    held_out_rows: Rows,
    recipe: Recipe,
) -> FittedModel:
    """Fit on train, choose the threshold on validation, fit anew on both, measure on test.

    With times, the validation rows are more like what the model will meet than the older ones
    are: hence the second fit. The test rows are met once, after everything is decided; only a
    recipe whose `final_fit` is `all` then fits a third time, on every row.

    Args:
        build: gives a pipeline that is not fitted.
        held_out_rows: some of the test rows.

    Raises:
        UsageError: scikit-learn cannot take the data, for example values beyond float32, or costs
            by class do not fit it.
    """
    learner = Learner(examples, recipe, split, build)
    validated = learner.validate(build)
    threshold, metrics = validated.threshold, {"validation": validated.figures}
    final = honest = learner.fit(build, split.before_test)
    tested = learner.answers(honest, threshold, split.test)
    metrics["test"] = learner.figures(honest, split.test, tested)
    held_out = {}
    if len(held_out_rows):
        answers = learner.answers(honest, threshold, held_out_rows)
        held_out = learner.figures(honest, held_out_rows, answers)
    if recipe.final_fit == "all":
        everything = np.arange(len(split.train) + len(split.validation) + len(split.test))
        final = learner.fit(build, everything.astype(np.intp))
    if len(final.classes) != 2:
        threshold = None  # a third class occurs in later rows only
    return FittedModel(
        type(final.pipeline[-1]).__name__,
        learner.scorer(final, threshold),
        learner.scorer(honest, validated.threshold),
        final.labels,
        threshold,
        _targets(final.pipeline, examples),
        metrics,
        held_out,
        OutOfSample(np.concatenate([split.validation, split.test]), [*validated.answers, *tested]),
    )


class _Fitted(Struct, frozen=True):
    """A pipeline, and its classes as they stand in the data, in the order of its probabilities."""

    pipeline: Pipeline
    classes: tuple[Any, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes as messages write them."""
        return tuple(map(label_text, self.classes))


def _takes_numbers_only(pipeline: Pipeline) -> bool:
    """XGBoost asks for classes 0 to k-1, and gives probabilities in that order."""
    return type(pipeline[-1]).__module__.startswith("xgboost.")


def _targets(model: Pipeline, examples: Examples) -> tuple[Target, ...]:
    if examples.task != "multi_output":
        return ()
    if not hasattr(model[-1], "classes_"):
        return tuple(Target(name) for name in examples.targets)
    return tuple(
        Target(name, tuple(label_text(value) for value in np.asarray(classes).tolist()))
        for name, classes in zip(examples.targets, model[-1].classes_, strict=True)
    )


def _check_costs(costs: Costs, examples: Examples, model: "_Fitted") -> None:
    """Refuse costs by class that no answer would follow."""
    if examples.task != "classification":
        raise UsageError(f"costs by class are for classification, and this is {examples.task}")
    if not hasattr(model.pipeline, "predict_proba"):
        raise UsageError(
            f"{type(model.pipeline[-1]).__name__} gives no probabilities, which costs by class "
            "need: take another estimator, or leave the costs out"
        )
    [values] = examples.targets.values()
    known = {label_text(value) for value in np.unique(values).tolist()}
    named = {name for true, row in costs.by_class.items() for name in (true, *row)}
    if named - known:
        raise UsageError(
            f"costs name the class '{min(named - known)}', which the target does not have; it "
            f"has: {', '.join(sorted(known))}"
        )


def _threshold(
    model: _Fitted, inputs: Any, examples: Examples, rows: Rows, recipe: Recipe
) -> float | None:
    if len(model.classes) != 2 or not hasattr(model.pipeline, "predict_proba"):
        return None
    if recipe.costs is not None and recipe.costs.by_class:
        return None  # the costs decide row by row
    target = examples.target
    assert target is not None
    scores = model.pipeline.predict_proba(_take(inputs, rows))[:, 1]
    return best_threshold(np.asarray(target[rows] == model.classes[1]), scores, recipe.costs)


def _figures_without_truth(model: Pipeline, given: Any, answers: Answers) -> Metrics:
    """Besides what `outcome_metrics` counts, the silhouette of clusters (Rousseeuw 1987)."""
    metrics = outcome_metrics(answers, {}, {})
    clusters = np.array([a.cluster for a in answers if isinstance(a, Clustering)])
    if len(clusters) < len(answers):
        return metrics
    prepared = model[:-1].transform(given) if len(model) > 1 else given
    some = np.linspace(0, len(clusters) - 1, min(len(clusters), _ROWS_OF_SILHOUETTE), dtype=int)
    if 1 < len(np.unique(clusters[some])) < len(some):
        metrics["silhouette"] = float(silhouette_score(_take(prepared, some), clusters[some]))
    return metrics


def _take(inputs: Any, rows: Rows) -> Any:
    return inputs.iloc[rows] if hasattr(inputs, "iloc") else inputs[rows]
