"""A model trained from the log is the model trained from the file that was sent: no skew."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from logged_events import LoggedEvents
from msgspec.structs import replace

from contracts.errors import UsageError
from contracts.events import FeatureEvent, Label, Regression
from contracts.feature_schema import Feature
from contracts.kafka import create_topics
from contracts.keys import generate_keys
from contracts.model_store import ModelStore
from contracts.settings import Settings
from contracts.tabular import feature_columns, read_table
from prediction_log.training_set import read_training_set
from producers.table_rows import Columns, TableRows
from trainer import Recipe, TrainedVersion, train
from trainer.deployments.versions import load_deployed

pytestmark = pytest.mark.stack
ROWS = 400
FEATURES = ["amount", "count", "country", "member", "due", "note"]
ANSWER = Regression(1.0)


@pytest.fixture
def logged(settings: Settings) -> Iterator[LoggedEvents]:
    generate_keys(settings.keys)
    create_topics(settings)
    with LoggedEvents(settings) as events:
        yield events


def table() -> pd.DataFrame:
    """Every kind of feature, with gaps and without; numbers that float32 does not hold."""
    rng = np.random.default_rng(0)
    at = datetime(2024, 1, 1, tzinfo=UTC)
    moments = [at + timedelta(hours=n, microseconds=int(n)) for n in range(ROWS)]
    words = ["red", "green", "blue", "very", "quite", "old", "new", "box"]
    frame = pd.DataFrame(
        {
            "at": moments,
            "amount": np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(size=ROWS) + 0.1),
            "count": rng.integers(0, 2**40, ROWS),
            "country": rng.choice(["NO", "SE", "true", None], ROWS),  # type: ignore[arg-type]
            "member": rng.choice([True, False, None], ROWS),  # type: ignore[arg-type]
            "due": [
                None if n % 7 == 0 else (at + timedelta(seconds=n * 7777.777)).isoformat()
                for n in range(ROWS)
            ],
            "note": [" ".join(rng.choice(words, 6)) for _ in range(ROWS)],
        }
    )
    score = frame["amount"].fillna(0.3) + (frame["member"] == True)  # noqa: E712
    frame["flag"] = score > 0.5
    frame["word"] = np.where(score > 0.5, "late", "on time")
    frame["stars"] = pd.cut(score, [-9, -0.5, 0.5, 9], labels=[2, 10, 30]).astype(int)
    frame["price"] = score * 0.1 + rng.normal(size=ROWS) * 1e-9
    return frame


TARGETS: dict[str, Any] = {
    "flag": "flag",
    "word": "word",
    "stars": "stars",
    "price": "price",
    "several": ("price", "amount_after"),
}


@pytest.mark.parametrize("name", TARGETS)
def test_from_the_log_or_from_the_file_the_model_is_the_same(
    settings: Settings, logged: LoggedEvents, tmp_path: Path, name: str
) -> None:
    frame = table().assign(amount_after=lambda f: f["amount"].fillna(0) * 2)
    targets = TARGETS[name]
    kept = [targets] if isinstance(targets, str) else list(targets)
    path = tmp_path / "events.parquet"
    frame[["at", *FEATURES, *kept]].to_parquet(path)
    recipe = Recipe(
        model="m",
        data=str(path),
        target=targets,
        time_column="at",
        kinds={"due": "datetime"},
        estimator="boosting" if name != "several" else "forest",
        final_fit="all",
    )
    from_file = train(recipe, settings)
    produced(logged, read_table(path), from_file, kept)
    from_log = train(replace(recipe, data="log:m"), settings)

    assert from_log.manifest.schema == from_file.manifest.schema
    assert from_log.manifest.metrics == from_file.manifest.metrics
    assert from_log.manifest.threshold == from_file.manifest.threshold
    assert from_log.manifest.data.rows == ROWS
    scorers = [
        load_deployed(settings, "m", ModelStore(settings.store_url).find("m", one.version)).scorer
        for one in (from_file, from_log)
    ]
    columns = feature_columns(read_table(path), from_file.manifest.schema.features)
    one, other = (scorer.predict(columns) for scorer in scorers)
    assert one == other


def produced(
    logged: LoggedEvents, frame: pd.DataFrame, trained: TrainedVersion, targets: list[str]
) -> None:
    """Send the file as `millrace produce` does, label it, and log both; out of order, and twice."""
    rows = TableRows(
        frame,
        trained.manifest.schema,
        Columns(time="at", label=targets[0]),
        model="m",
        source="the file",
    )
    events = list(rows.events(0, id_prefix="e", now=lambda: 0.0))
    if len(targets) > 1:
        truth = frame[targets].to_dict("records")
        events = [
            (event, msgspec.structs.replace(label, label=values))  # type: ignore[type-var]
            for (event, label), values in zip(events, truth, strict=True)
        ]
    order = np.random.default_rng(1).permutation(len(events))
    logged.all([events[place] for place in order], ANSWER)
    first, _ = events[0]
    later = replace(first, occurred_at=datetime(2024, 6, 1, tzinfo=UTC), features={"amount": 9.0})
    logged.all([(later, events[0][1])], ANSWER)
    assert len(events) == ROWS


def event(number: int, features: dict[str, Any], occurred_at: datetime) -> FeatureEvent:
    return FeatureEvent(
        event_id=f"e{number}", entity_id="n", occurred_at=occurred_at, model="m", features=features
    )


def test_only_labelled_events_of_the_window_that_somebody_served_are_learned_from(
    settings: Settings, logged: LoggedEvents
) -> None:
    start = datetime(2024, 1, 1, tzinfo=UTC)
    for number in range(6):
        at = start + timedelta(hours=number)
        said = Label(event_id=f"e{number}", model="m", label=number > 2, occurred_at=at)
        role = "shadow" if number == 3 else "canary" if number == 2 else "champion"
        given = {"x": float(number), "member": True, "occurred_at": at.isoformat()}
        logged.served(
            event(number, given, at),
            ANSWER,
            None if number == 4 else said,
            role=role,  # type: ignore[arg-type]
        )
    logged.write()
    features = [
        Feature("member", "boolean", nullable=True),
        Feature("x", "numeric"),
        Feature("occurred_at", "datetime"),
        Feature("gone", "categorical", nullable=True),
    ]
    end = start + timedelta(hours=5)
    frame = read_training_set(settings, "m", features, ["y"], start + timedelta(hours=1), end)
    assert list(frame.columns) == ["@timestamp", "member", "x", "occurred_at", "gone", "y"]
    assert frame["x"].tolist() == [1.0, 2.0]
    assert frame["y"].tolist() == [False, False]
    assert frame["member"].tolist() == [True, True]
    assert frame["occurred_at"].tolist() == frame["@timestamp"].tolist()
    assert frame["gone"].isna().all()
    everything = read_training_set(settings, "m", features, [])
    assert everything["x"].tolist() == [0.0, 1.0, 2.0, 4.0, 5.0]
    with pytest.raises(UsageError, match="'x' is a feature of 'm'"):
        read_training_set(settings, "m", features, ["x"])


def test_a_log_without_labels_is_told(
    settings: Settings, logged: LoggedEvents, orders: Path
) -> None:
    train(Recipe(model="m", data=str(orders), target="fraud"), settings)
    with pytest.raises(UsageError, match="no labelled event of 'm'"):
        train(Recipe(model="m", data="log:m", target="fraud"), settings)
    with pytest.raises(UsageError, match="no model 'other'"):
        train(Recipe(model="m", data="log:other", target="fraud"), settings)
