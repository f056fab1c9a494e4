"""A worker on a real Kafka answers for a model of every task at once, each event by its own."""

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from contracts.events import (
    Anomaly,
    Classification,
    Clustering,
    FeatureEvent,
    FeatureValue,
    MultiOutput,
    Outcome,
    Prediction,
    Regression,
)
from producers.client import FeatureProducer
from trainer import Recipe, publish, train

pytestmark = pytest.mark.stack
Works = Any
ROWS = 300


def table(folder: Path) -> str:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, ROWS))
    words = rng.choice(["lovely great", "broken awful"], ROWS)
    frame = pd.DataFrame(
        {
            "x": x,
            "y": y,
            "at": pd.date_range("2026-01-01", periods=ROWS, freq="h", tz="UTC"),
            "review": [f"it was {word} item {n} indeed" for n, word in enumerate(words)],
            "sum": x + y,
            "big": x > 0,
            "place": np.where(y > 0, "north", "south"),
            "band": np.digitize(x, [-0.5, 0.5]),
            "liked": words == "lovely great",
        }
    )
    path = folder / "rows.parquet"
    frame.to_parquet(path)
    return str(path)


NUMBERS: dict[str, FeatureValue] = {"x": 2.0, "y": 2.0}
FOREIGN = ("sum", "big", "place", "band", "liked", "review", "at")
RECIPES: dict[str, tuple[dict[str, Any], dict[str, FeatureValue], type[Outcome]]] = {
    "two_classes": ({"target": "big"}, NUMBERS, Classification),
    "more_classes": ({"target": "band", "task": "classification"}, NUMBERS, Classification),
    "quantity": ({"target": "sum"}, NUMBERS, Regression),
    "several": ({"target": ("big", "place")}, NUMBERS, MultiOutput),
    "clusters": ({"task": "clustering"}, NUMBERS, Clustering),
    "anomalies": ({"task": "anomaly"}, NUMBERS, Anomaly),
    "words": ({"target": "liked"}, {"review": "what an awful thing"}, Classification),
    "hours": (
        {"target": "sum", "kinds": {"at": "datetime"}, "time_column": "at"},
        {"x": 2.0, "y": 2.0, "at": "2026-07-01T12:00:00+02:00"},
        Regression,
    ),
}


def recipe(name: str, data: str) -> Recipe:
    options, event, _ = RECIPES[name]
    targets = options.get("target", ())
    kept = {*event, *([targets] if isinstance(targets, str) else targets)}
    excluded = tuple(column for column in ("x", "y", *FOREIGN) if column not in kept)
    return Recipe(model=name, data=data, exclude=excluded, payload="skops", **options)


def test_a_worker_answers_for_every_task_and_unpickles_nothing(
    works: Works, running: Any, tmp_path: Path
) -> None:
    data = table(tmp_path)
    for name in RECIPES:
        train(recipe(name, data), works.settings)
        publish(works.settings, name)
    running.start("stream_workers", MILLRACE_ALLOW_PICKLE="false")
    with FeatureProducer(works.settings) as producer:
        for number in range(5):
            for name, (_, features, _) in RECIPES.items():
                producer.send(
                    FeatureEvent(
                        event_id=f"{name}-{number}",
                        entity_id=f"n{number}",
                        occurred_at=1_782_900_000.0,
                        model=name,
                        features=features,
                    )
                )
    found: list[Prediction] = works.wait_for_predictions(5 * len(RECIPES))
    assert works.dead_letters() == []
    assert Counter(p.model.name for p in found) == dict.fromkeys(RECIPES, 5)
    for prediction in found:
        assert isinstance(prediction.prediction, RECIPES[prediction.model.name][2])
    answers = {p.model.name: p.prediction for p in found}
    assert answers["two_classes"].label == "true"  # type: ignore[union-attr]
    assert answers["words"].label == "false"  # type: ignore[union-attr]
    several = answers["several"]
    assert isinstance(several, MultiOutput)
    labels = {name: part.label for name, part in several.outputs.items()}  # type: ignore[union-attr]
    assert labels == {"big": "true", "place": "north"}
    assert msgspec.json.decode(msgspec.json.encode(several), type=Outcome) == several
