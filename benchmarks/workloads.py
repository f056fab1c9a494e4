"""The three models that everything is measured with, and the events they are asked about."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from contracts.answers import label_text
from contracts.events import FeatureEvent, FeatureValue
from contracts.feature_schema import Feature, FeatureSchema
from contracts.packages import Task
from contracts.scorer import Columns, Scorer
from contracts.tabular import feature_columns
from examples.flights.data import flights

_SEED = 7
_ENTITIES = 5_000
_IMAGE_SIDE = 28
_DIGITS = 10


class Workload(Struct, frozen=True):
    """A fitted model and rows to score, n values per feature of its schema."""

    name: str
    title: str
    task: Task
    scorer: Scorer
    classes: tuple[str, ...]
    columns: Columns
    events: int
    """How many events one run has: the fast contenders take some seconds for them."""

    @property
    def schema(self) -> FeatureSchema:
        """The model's features."""
        return self.scorer.schema

    def messages(self, count: int, models: Sequence[str] = ()) -> Iterator[tuple[bytes, bytes]]:
        """Keys and values of so many feature events, numbered from 0; rows are used in turn, and
        so are the models they name, which are the workload's own if none are given."""
        names = models or (self.name,)
        rows: list[dict[str, FeatureValue]] = [
            dict(zip(self.schema.names, values, strict=True))
            for values in zip(*self.columns, strict=True)
        ]
        now = datetime.now(UTC).timestamp()
        for number in range(count):
            entity = f"entity-{number % _ENTITIES}"
            event = FeatureEvent(
                event_id=f"event-{number}",
                entity_id=entity,
                occurred_at=round(now + number / 1e6, 3),
                model=names[number % len(names)],
                features=rows[number % len(rows)],
            )
            yield entity.encode(), msgspec.json.encode(event)


def logistic(features: int = 10, name: str = "logistic") -> Workload:
    """LogisticRegression behind a StandardScaler on numbers, as most models in service are."""
    random = np.random.default_rng(_SEED)
    inputs = random.normal(size=(4_000, features)).round(6)
    target = inputs[:, : min(10, features)].sum(axis=1) + random.normal(size=4_000) > 0
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(inputs, target)
    return _numeric(name, f"logistic regression, {features} numbers", model, inputs, 600_000)


def perceptron() -> Workload:
    """The feed-forward network of the Crayfish benchmark (Horchidan et al., EDBT 2024): a 28x28
    image, hidden layers of 32 and 32, ten classes; weights of random images, as speed is asked."""
    random = np.random.default_rng(_SEED)
    inputs = random.random((1_000, _IMAGE_SIDE**2)).round(4)
    target = np.arange(len(inputs)) % _DIGITS
    model = MLPClassifier((32, 32), max_iter=3, random_state=_SEED)
    model.fit(inputs, target)
    return _numeric("perceptron", "MLP 784-32-32-10, 28x28 images", model, inputs, 16_000)


def boosting() -> Workload:
    """Histogram boosting on the flights of January and February 2013: numbers, gaps and text."""
    from trainer.estimators import build_pipeline

    table = flights(datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 3, 1, tzinfo=UTC))
    table = table[table["label"].notna()].iloc[:40_000]
    texts = ("carrier", "origin", "dest")
    names = [n for n in table.columns if n not in ("event_id", "entity_id", "occurred_at", "label")]
    schema = FeatureSchema(
        tuple(Feature(n, "categorical" if n in texts else "numeric", nullable=True) for n in names)
    )
    columns = feature_columns(table, schema.features)
    model = build_pipeline("boosting", "classification", schema, _SEED)
    inputs = Scorer("classification", schema, model).inputs(columns)
    model.fit(inputs, table["label"].astype(bool).to_numpy())
    return _workload("boosting", "histogram boosting on flights", model, schema, columns, 300_000)


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "logistic": logistic,
    "boosting": boosting,
    "perceptron": perceptron,
}


def _numeric(name: str, title: str, model: Any, inputs: Any, events: int) -> Workload:
    schema = FeatureSchema(tuple(Feature(f"f{n}", "numeric") for n in range(inputs.shape[1])))
    return _workload(name, title, model, schema, inputs.T.tolist(), events)


def _workload(
    name: str, title: str, model: Any, schema: FeatureSchema, columns: Columns, events: int
) -> Workload:
    classes = tuple(label_text(value) for value in model.classes_.tolist())
    scorer = Scorer("classification", schema, model, classes)
    return Workload(name, title, "classification", scorer, classes, columns, events)
