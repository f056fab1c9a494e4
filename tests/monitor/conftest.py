"""A deployed model, and what it answered and what happened, as documents and on the topics."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from confluent_kafka import Producer
from elasticsearch import Elasticsearch
from service_processes import as_variables
from typer.testing import CliRunner

from cli.main import app
from contracts.events import (
    Classification,
    FeatureValue,
    Label,
    Latency,
    ModelRef,
    Outcome,
    Prediction,
    Role,
    Source,
)
from contracts.kafka import create_topics, librdkafka_settings
from contracts.keys import generate_keys
from contracts.release_rules import Limit, MonitorRule
from contracts.settings import Settings
from contracts.topics import Topics
from prediction_log.template import install_template
from trainer.deployments.deploying import publish
from trainer.recipes import Recipe
from trainer.training import train

START = datetime(2026, 3, 2, tzinfo=UTC)
RULE = MonitorRule(
    window_hours=24,
    least_rows=100,
    metrics={"roc_auc": Limit(worse_by=0.05), "log_loss": Limit(worse_by=0.2)},
)


class Watched:
    """Predictions and labels of the model `m` on their topics."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.topics = settings, Topics(settings)
        self.elasticsearch = Elasticsearch(settings.elasticsearch_url)
        self._producer = Producer(librdkafka_settings(settings))
        self.rows: list[dict[str, Any]] = []
        install_template(settings)

    def predict(
        self,
        n: int,
        hours: float,
        late: float,
        version: str = "1",
        role: Role = "champion",
        offset: int | None = None,
    ) -> None:
        """The answer to event n, which occurs so many hours after the start."""
        label = "true" if late >= 0.5 else "false"
        answer = Classification(label, max(late, 1 - late), {"false": 1 - late, "true": late})
        self.answer(n, hours, answer, ModelRef("m", version, role), offset, x=late)
        row = {"n": n, "hours": hours, "late": late, "version": version, "role": role}
        self.rows.append(row)

    def answer(
        self,
        n: int,
        hours: float,
        answer: Outcome,
        model: ModelRef,
        offset: int | None = None,
        **features: float,
    ) -> None:
        """Any answer of any model to event n."""
        prediction = Prediction(
            event_id=f"e{n}",
            entity_id=f"entity {n % 7}",
            occurred_at=START + timedelta(hours=hours),
            predicted_at=START + timedelta(hours=hours, seconds=n % 1000),
            model=model,
            prediction=answer,
            latency=Latency(1, 2, 3, 4),
            source=Source(self.topics.features.name, "uuid", 0, n if offset is None else offset),
            worker="w",
            features=features if model.role != "shadow" else None,
        )
        topics = self.topics
        topic = topics.shadow_predictions if model.role == "shadow" else topics.predictions
        self._send(topic.name, prediction, n)

    def label(
        self, n: int, happened: FeatureValue | dict[str, FeatureValue], model: str = "m"
    ) -> None:
        """What happened to event n."""
        said = Label(event_id=f"e{n}", model=model, label=happened, occurred_at=START)
        self._send(self.topics.labels.name, said, n)

    def _send(self, topic: str, value: Any, n: int) -> None:
        content = msgspec.json.encode(value)
        self._producer.produce(topic, content, partition=n % self.settings.partitions)

    def flush(self) -> None:
        """Until Kafka has all of it."""
        assert self._producer.flush(60) == 0

    def sources(self, kind: str) -> list[dict[str, Any]]:
        """All documents of a kind that can be found now."""
        lenient = self.elasticsearch.options(ignore_status=503)
        index = f"{self.settings.index_prefix}-{kind}-*"
        lenient.indices.refresh(index=index)
        answer = lenient.search(index=index, size=10_000)
        return [hit["_source"] for hit in answer.get("hits", {}).get("hits", [])]

    def count(self, kind: str) -> int:
        """How many documents of a kind can be found now."""
        lenient = self.elasticsearch.options(ignore_status=503)
        index = f"{self.settings.index_prefix}-{kind}-*"
        lenient.indices.refresh(index=index)
        return int(lenient.count(index=index).get("count", 0))

    def once(self) -> dict[str, Any]:
        """`millrace monitor --once --json`: step -> what it wrote, or why it could not."""
        result = CliRunner().invoke(app, ["monitor", "--once", "--json"])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        steps = json.loads(result.stdout.splitlines()[-1])["steps"]
        return {one["step"]: one.get("failure") or one.get("counts") for one in steps}


@pytest.fixture
def watched(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Watched]:
    """Version 1 of `m` is the champion, with a rule."""
    for name, value in as_variables(settings).items():
        monkeypatch.setenv(name, value)
    generate_keys(settings.keys)
    create_topics(settings)
    rng = np.random.default_rng(0)
    x = rng.random(2000)
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"x": x, "y": rng.random(2000) < x}).to_parquet(path)
    train(Recipe(model="m", data=str(path), target="y", estimator="linear", monitor=RULE), settings)
    publish(settings, "m", "1")
    watched = Watched(settings)
    yield watched
    watched.elasticsearch.close()
