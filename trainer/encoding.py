"""The steps of a pipeline before its estimator: what events bring, as columns of numbers."""

from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, SplineTransformer, StandardScaler

from contracts.feature_schema import FeatureSchema

MOST_CATEGORIES = 254
"""Histogram boosting keeps one of its 255 bins for missing values."""
WORDS = 5000
WORDS_FOR_TREES = 200
"""Most words of a text, one column each; trees look at every column for every split."""

_DAY = 86_400.0
_PERIODS = {"day": _DAY, "week": 7 * _DAY, "year": 365.2425 * _DAY}
_KNOTS = 9


def encoding(
    schema: FeatureSchema, for_numbers: Any, for_categories: Any, *, trees: bool
) -> list[Any]:
    """The steps before the estimator. Without texts and times the input is a plain matrix, and
    the detour by columns would cost a single row more than its prediction."""
    of: dict[str, list[int]] = {}
    for number, feature in enumerate(schema.features):
        kind = "numeric" if feature.kind == "boolean" else feature.kind
        of.setdefault(kind, []).append(number)
    if of.keys() <= {"numeric"}:
        return [] if for_numbers == "passthrough" else [for_numbers]
    parts: list[tuple[str, Any, Any]] = []
    if "categorical" in of:
        parts.append(("categories", for_categories, of["categorical"]))
    if "numeric" in of:
        parts.append(("numbers", for_numbers, of["numeric"]))
    if "datetime" in of:
        parts.append(("times", _calendar(len(of["datetime"])), of["datetime"]))
    words = WORDS_FOR_TREES if trees else WORDS
    parts += [
        (f"text {number}", TfidfVectorizer(max_features=words, sublinear_tf=True), number)
        for number in of.get("text", [])
    ]
    dense = {"sparse_threshold": 0.0} if trees else {}
    return [ColumnTransformer(parts, verbose_feature_names_out=False, **dense)]


def _calendar(columns: int) -> FeatureUnion:
    """The time of the day, of the week and of the year of each column, as smooth periodic curves,
    so that 23:59 is beside 0:00; the scikit-learn example "Time-related feature engineering"
    compares this with other ways."""
    return FeatureUnion(
        [
            (
                name,
                SplineTransformer(
                    knots=np.repeat(np.linspace(0, period, _KNOTS)[:, None], columns, axis=1),
                    extrapolation="periodic",
                    handle_missing="zeros",
                    include_bias=True,
                ),
            )
            for name, period in _PERIODS.items()
        ]
    )


def imputed() -> SimpleImputer:
    """Gaps in numbers become the median, and a column that tells of them."""
    return SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)


def scaled() -> Pipeline:
    """The same, with mean 0 and standard deviation 1."""
    return make_pipeline(imputed(), StandardScaler())


def one_hot() -> OneHotEncoder:
    """A column per category; what is rare or unknown has one together."""
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        min_frequency=2,
        max_categories=100,
        sparse_output=False,
    )


def ordinal() -> OrdinalEncoder:
    """A number per category; unknown: before all others."""
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def binned() -> OrdinalEncoder:
    """A number per category; unknown and rare ones like a missing value."""
    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=float("nan"),
        max_categories=MOST_CATEGORIES,
    )
