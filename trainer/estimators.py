"""The scikit-learn pipeline for each kind of estimator; nothing of our own, so that a worker
needs scikit-learn alone to load it."""

from typing import Any, Literal

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from contracts.feature_schema import FeatureSchema
from trainer.recipes import EstimatorChoice
from trainer.task_detection import TrainedTask

BOOSTING_FROM_ROWS = 1000
BOOSTING_MOST_CLASSES = 20
MOST_CATEGORIES = 254
"""Histogram boosting keeps one of its 255 bins for missing values."""

EstimatorKind = Literal["linear", "forest", "boosting"]


def choose_estimator(choice: EstimatorChoice, rows: int, classes: int) -> tuple[EstimatorKind, str]:
    """Choose for `auto`: boosting finds interactions by itself, but overfits few rows and grows
    one tree per class and round.

    Returns:
        The kind, and the reason in words for people.
    """
    if choice != "auto":
        return choice, "as asked"
    if rows < BOOSTING_FROM_ROWS:
        return "linear", f"fewer than {BOOSTING_FROM_ROWS:,} rows"
    if classes > BOOSTING_MOST_CLASSES:
        return "linear", f"more than {BOOSTING_MOST_CLASSES} classes"
    return "boosting", f"at least {BOOSTING_FROM_ROWS:,} rows"


def build_pipeline(
    kind: EstimatorKind, task: TrainedTask, schema: FeatureSchema, random_state: int
) -> Pipeline:
    """Put together preparation and estimator for the inputs that `Scorer.inputs` gives.

    A gap in a text is a category of its own; an unknown category is no error: it is like a rare
    one (linear), before all others (forest), or a missing value (boosting). One thread: a
    worker's batches are small, and its cores belong to other workers.
    """
    numbers = [i for i, feature in enumerate(schema.features) if feature.kind != "categorical"]
    texts = [i for i, feature in enumerate(schema.features) if feature.kind == "categorical"]
    classify = task == "classification"
    if kind == "linear":
        estimator = LogisticRegression(max_iter=2000) if classify else Ridge()
        return make_pipeline(*_prepare(_scaled(), numbers, _one_hot(), texts), estimator)
    if kind == "forest":
        forest = RandomForestClassifier if classify else RandomForestRegressor
        estimator = forest(
            n_estimators=100, min_samples_leaf=3, n_jobs=1, random_state=random_state
        )
        return make_pipeline(*_prepare(_imputed(), numbers, _ordinal(), texts), estimator)
    boosting = HistGradientBoostingClassifier if classify else HistGradientBoostingRegressor
    estimator = boosting(
        # The preparation puts text first.
        categorical_features=list(range(len(texts))) or None,
        random_state=random_state,
    )
    return make_pipeline(*_prepare("passthrough", numbers, _binned(), texts), estimator)


def _prepare(for_numbers: Any, numbers: list[int], for_texts: Any, texts: list[int]) -> list[Any]:
    """Without text the input is a plain matrix, and the detour by columns would cost a single
    row more than its prediction."""
    if not texts:
        return [] if for_numbers == "passthrough" else [for_numbers]
    parts = [("texts", for_texts, texts)]
    if numbers:
        parts.append(("numbers", for_numbers, numbers))
    return [ColumnTransformer(parts, verbose_feature_names_out=False)]


def _imputed() -> SimpleImputer:
    return SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)


def _scaled() -> Pipeline:
    return make_pipeline(_imputed(), StandardScaler())


def _one_hot() -> OneHotEncoder:
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=2,
        max_categories=100,
        sparse_output=False,
    )


def _ordinal() -> OrdinalEncoder:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def _binned() -> OrdinalEncoder:
    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=float("nan"),
        max_categories=MOST_CATEGORIES,
    )
