"""The scikit-learn pipeline for each kind of estimator; nothing of our own, so that a worker
needs scikit-learn alone to load it."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args

from sklearn.cluster import KMeans
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import Pipeline, make_pipeline

from contracts.errors import UsageError
from contracts.feature_schema import FeatureSchema
from trainer.encoding import binned, encoding, imputed, one_hot, ordinal, scaled
from trainer.task_detection import TrainedTask

BOOSTING_FROM_ROWS = 1000
BOOSTING_MOST_CLASSES = 20
MOST_CLUSTERS = 10

EstimatorKind = Literal["linear", "forest", "boosting", "kmeans", "isolation_forest"]
Factory = Callable[..., Any]
"""An estimator's class, or a function that returns one that is not fitted."""


def choose_estimator(
    choice: str, task: TrainedTask, rows: int, classes: int, *, words: bool = False
) -> tuple[EstimatorKind, str]:
    """Choose for `auto`: boosting finds interactions by itself, but overfits few rows and grows
    one tree per class and round; for words, thousands of columns, a linear model is the better.

    Returns:
        The kind, and the reason in words for people.
    """
    if choice in get_args(EstimatorKind):
        return choice, "as asked"  # type: ignore[return-value]
    if task == "clustering":
        return "kmeans", "clusters with centres, so that new rows have one too"
    if task == "anomaly":
        return "isolation_forest", "no assumption about how the features are distributed"
    if words:
        return "linear", "a feature is text for reading"
    if rows < BOOSTING_FROM_ROWS:
        return "linear", f"fewer than {BOOSTING_FROM_ROWS:,} rows"
    if classes > BOOSTING_MOST_CLASSES:
        return "linear", f"more than {BOOSTING_MOST_CLASSES} classes"
    return "boosting", f"at least {BOOSTING_FROM_ROWS:,} rows"


def build_pipeline(
    kind: EstimatorKind,
    task: TrainedTask,
    schema: FeatureSchema,
    random_state: int,
    parameters: Mapping[str, Any] = {},
    *,
    classify: bool | None = None,
) -> Pipeline:
    """Put together preparation and estimator for the inputs that `Scorer.inputs` gives.

    A gap among categories is a category of its own; an unknown category is no error: it is like a
    rare one (linear), before all others (forest), or a missing value (boosting). One thread: a
    worker's batches are small, and its cores belong to other workers.

    Args:
        parameters: of the estimator, beside or instead of those chosen here.
        classify: of several targets, whether they are classes; None: the task says.

    Raises:
        UsageError: the estimator has no such parameter.
    """
    classes = task == "classification" if classify is None else classify
    several = task == "multi_output"
    made = _ESTIMATORS[kind](classes, several, random_state, schema)
    trees = kind in ("forest", "boosting", "isolation_forest")
    own = made.estimator if hasattr(made, "estimator") and several else made
    try:
        own.set_params(**parameters)
    except ValueError as error:
        raise UsageError(f"{type(own).__name__} has no such parameter: {error}") from error
    preparations = {
        "linear": (scaled(), one_hot()),
        "kmeans": (scaled(), one_hot()),
        "forest": (imputed(), ordinal()),
        "isolation_forest": (imputed(), ordinal()),
        "boosting": ("passthrough", binned()),
    }
    return make_pipeline(*encoding(schema, *preparations[kind], trees=trees), made)


def build_custom(
    factory: Factory, schema: FeatureSchema, parameters: Mapping[str, Any]
) -> Pipeline:
    """A pipeline around somebody else's estimator: what is no pipeline yet gets numbers scaled
    and categories one-hot encoded; a pipeline gets what `Scorer.inputs` gives.

    Raises:
        UsageError: it cannot be made with these parameters, or is none.
    """
    try:
        made = factory(**parameters)
    except (TypeError, ValueError) as error:
        raise UsageError(f"the estimator cannot be made: {error}") from error
    if isinstance(made, Pipeline):
        return made
    if not hasattr(made, "fit"):
        raise UsageError(f"{made!r:.80} is no estimator: it cannot be fitted")
    return make_pipeline(*encoding(schema, scaled(), one_hot(), trees=False), made)


def _linear(classify: bool, several: bool, random_state: int, schema: FeatureSchema) -> Any:
    if not classify:
        return Ridge()
    logistic = LogisticRegression(max_iter=2000)
    return MultiOutputClassifier(logistic) if several else logistic


def _forest(classify: bool, several: bool, random_state: int, schema: FeatureSchema) -> Any:
    forest = RandomForestClassifier if classify else RandomForestRegressor
    return forest(n_estimators=100, min_samples_leaf=3, n_jobs=1, random_state=random_state)


def _boosting(classify: bool, several: bool, random_state: int, schema: FeatureSchema) -> Any:
    boosting = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
    categories = sum(feature.kind == "categorical" for feature in schema.features)
    made = boosting(
        # The preparation puts categories first.
        categorical_features=list(range(categories)) or None,
        random_state=random_state,
    )
    if not several:
        return made
    return MultiOutputClassifier(made) if classify else MultiOutputRegressor(made)


def _kmeans(classify: bool, several: bool, random_state: int, schema: FeatureSchema) -> Any:
    return KMeans(n_clusters=MOST_CLUSTERS, n_init=4, random_state=random_state)


def _isolation(classify: bool, several: bool, random_state: int, schema: FeatureSchema) -> Any:
    return IsolationForest(n_jobs=1, random_state=random_state)


_ESTIMATORS = {
    "linear": _linear,
    "forest": _forest,
    "boosting": _boosting,
    "kmeans": _kmeans,
    "isolation_forest": _isolation,
}
