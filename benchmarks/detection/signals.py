"""What a stream shows of itself: its features in bins, and what a model makes of it."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
from msgspec import Struct
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder

from producers.synthetic.drift import Kind
from producers.synthetic.problem import LABEL
from producers.synthetic.stream import TIME, SyntheticStream

REFERENCE_ROWS = 20_000
_REFERENCE_SEED = 1_000
_HELD_OUT = 0.2
_CATEGORIES = 50

Codes = NDArray[np.int64]
Values = NDArray[np.float64]
Encoder = Callable[[pd.Series], Codes]


class Signals(Struct, frozen=True):
    """n rows of a stream: for each signal the bin of each row, the numeric features by name as the
    share of the reference below (missing: NaN), and of the model the probability of a dispute and
    whether there was one."""

    bins: dict[str, Codes]
    ranks: dict[str, Values]
    probability: Values
    label: NDArray[np.bool_]

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Rows of which the model's answer was wrong."""
        return np.not_equal(self.probability >= 0.5, self.label)

    def auc(self, rows: slice) -> float:
        """The area under the ROC curve in some rows."""
        return float(roc_auc_score(self.label[rows], self.probability[rows]))


class Learned(Struct, frozen=True):
    """A model with what is known of the data that it learned: for each signal the bins of its
    rows, and the values of its numeric features in order.

    `auc` is that on the newest fifth of its rows, before it was fitted on them.
    """

    model: Pipeline
    encoders: dict[str, Encoder]
    reference: dict[str, Codes]
    sorted_numbers: dict[str, Values]
    auc: float

    def signals(self, stream: SyntheticStream) -> Signals:
        """What a stream shows."""
        frame = stream.read()
        features = _features(frame)
        probability = self.model.predict_proba(features)[:, 1]
        watched = features.assign(**_outputs(probability))
        return Signals(
            {name: encode(watched[name]) for name, encode in self.encoders.items()},
            {
                name: _ranks(features[name].to_numpy(np.float64), known)
                for name, known in self.sorted_numbers.items()
            },
            probability,
            frame[LABEL].to_numpy(bool),
        )


@cache
def learn() -> Learned:
    """Train on a stationary stream that nobody is tested on."""
    stream = SyntheticStream(
        kind=Kind.STATIONARY, events=REFERENCE_ROWS, seed=_REFERENCE_SEED, label_share=1.0
    )
    frame = stream.read()
    features, label = _features(frame), frame[LABEL].to_numpy(bool)
    kept = int(len(frame) * (1 - _HELD_OUT))
    trial = _model().fit(features[:kept], label[:kept])
    held_out = trial.predict_proba(features[kept:])[:, 1]
    model = _model().fit(features, label)
    # As training does: what a model says of rows that it has learned is no reference.
    outputs = pd.DataFrame(_outputs(held_out))
    columns = {str(name): table[name] for table in (features, outputs) for name in table}
    encoders = {name: _encoder(column) for name, column in columns.items()}
    reference = {name: encoders[name](column) for name, column in columns.items()}
    numbers = {
        str(name): np.sort(features[name].dropna().to_numpy(np.float64))
        for name in features
        if pd.api.types.is_float_dtype(features[name])
    }
    auc = float(roc_auc_score(label[kept:], held_out))
    return Learned(model, encoders, reference, numbers, auc)


def _ranks(values: Values, known: Values) -> Values:
    ranks = np.searchsorted(known, values, side="right") / len(known)
    return np.where(np.isnan(values), np.nan, ranks)


def _features(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop(columns=[TIME, LABEL])


def _outputs(probability: Values) -> dict[str, NDArray[np.generic]]:
    answer = np.where(probability >= 0.5, "yes", "no").astype(object)
    return {"prediction": answer, "confidence": np.maximum(probability, 1 - probability)}


def _model() -> Pipeline:
    texts = ["channel", "region", "verified"]
    encoded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    return make_pipeline(
        make_column_transformer((encoded, texts), remainder="passthrough"),
        HistGradientBoostingClassifier(random_state=0),
    )


def _encoder(column: pd.Series) -> Encoder:
    """Deciles of a number, categories of anything else, and a last bin for what is missing."""
    present = column.dropna()
    if pd.api.types.is_float_dtype(column):
        edges = np.unique(np.quantile(present, np.linspace(0.1, 0.9, 9)).astype(np.float32))

        def of_numbers(values: pd.Series) -> Codes:
            found = np.searchsorted(edges, values.to_numpy(np.float32), side="right")
            return np.where(values.isna(), len(edges) + 1, found)

        return of_numbers
    known = {value: n for n, value in enumerate(present.value_counts().index[:_CATEGORIES])}

    def of_categories(values: pd.Series) -> Codes:
        found = values.map(known).astype(float).fillna(len(known)).to_numpy(np.int64)
        return np.where(values.isna(), len(known) + 1, found)

    return of_categories
