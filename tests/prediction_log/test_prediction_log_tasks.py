"""Answers of every task fit the strict mapping and can be aggregated, on a real Elasticsearch."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from elasticsearch import Elasticsearch

from contracts.events import (
    Anomaly,
    Classification,
    Clustering,
    FeatureValue,
    Label,
    Latency,
    ModelRef,
    MultiOutput,
    Outcome,
    Prediction,
    Regression,
    Source,
)
from contracts.model_events import Check, ModelEvent
from contracts.settings import Settings
from prediction_log.bulk import create_lines
from prediction_log.documents import (
    ReceivedPrediction,
    from_label,
    from_model_event,
    from_prediction,
    received_model,
)
from prediction_log.indices import IndexNames
from prediction_log.template import install_template

pytestmark = pytest.mark.stack
NOW = datetime(2026, 3, 1, tzinfo=UTC)
HERE = Source("features", "uuid", 0, 1)


def indexed(settings: Settings, index: str, document: Any) -> Elasticsearch:
    install_template(settings)
    client = Elasticsearch(settings.elasticsearch_url)
    answer = client.perform_request(
        "POST",
        "/_bulk?refresh=true",
        headers={"accept": "application/json", "content-type": "application/x-ndjson"},
        body=create_lines(index, "1", document),
    )
    assert not answer.body["errors"], answer.body
    return client


def aggregated(client: Elasticsearch, index: str, field: str) -> Any:
    """The one value of a field, by its doc values; then the index is deleted."""
    found = client.search(index=index, size=0, aggs={"one": {"terms": {"field": field}}})
    [bucket] = found["aggregations"]["one"]["buckets"]
    client.indices.delete(index=index)
    client.close()
    return bucket["key"]


@pytest.mark.parametrize(
    ("answer", "field", "value"),
    [
        (Classification("late", 0.5, {"late": 0.5, "on.time": 0.5}), "label", "late"),
        (Classification("late", None, {}), "label", "late"),
        (Regression(2.5), "value", 2.5),
        (Clustering(3, 0.25), "distance", 0.25),
        (Clustering(3), "cluster", 3),
        (Anomaly(True, -0.5), "is_anomaly", 1),
        (MultiOutput({"a.b": Classification("x", 0.9, {"x": 0.9})}), "labels.a.b", "x"),
        (MultiOutput({"a": Regression(1.0), "b": Regression(2.5)}), "values.b", 2.5),
    ],
)
def test_the_answer_of_a_task(settings: Settings, answer: Outcome, field: str, value: Any) -> None:
    prediction = Prediction(
        event_id="e",
        entity_id="n",
        occurred_at=NOW,
        predicted_at=NOW,
        model=ModelRef("m", "1", "champion"),
        prediction=answer,
        latency=Latency(1, 2, 3, 4),
        source=HERE,
        worker="w",
        features={"x": 1.0},
    )
    received = msgspec.json.decode(msgspec.json.encode(prediction), type=ReceivedPrediction)
    document = from_prediction(received, received_model(received.model))
    index = IndexNames(settings).predictions("m", NOW)
    client = indexed(settings, index, document)
    assert aggregated(client, index, f"prediction.{field}") == value


@pytest.mark.parametrize(
    ("label", "field", "value"),
    [
        ({"a.b": "x", "n": 2.5, "nothing": None, " ": 1.0}, "values.a.b", "x"),
        ({"a.b": "x", "n": 2.5}, "numbers.n", 2.5),
        (True, "value", "true"),
    ],
)
def test_labels_of_one_and_of_several_targets(
    settings: Settings, label: FeatureValue | dict[str, FeatureValue], field: str, value: Any
) -> None:
    document = from_label(Label(event_id="e", model="m", label=label, occurred_at=NOW), HERE)
    index = IndexNames(settings).labels("m", NOW)
    client = indexed(settings, index, document)
    assert aggregated(client, index, f"label.{field}") == value


def test_the_figures_behind_a_decision(settings: Settings) -> None:
    event = ModelEvent(
        event="verdict",
        model="m",
        at=NOW,
        member="judge",
        checks=(Check(name="log_loss", passed=False, value=0.4, champion=0.3),),
        versions={"3": "canary"},
        question="q",
        paused=True,
    )
    index = IndexNames(settings).model_events(NOW)
    client = indexed(settings, index, from_model_event(event, HERE))
    source = client.get(index=index, id="1")["_source"]
    assert source["model_event"]["checks"][0]["champion"] == 0.3
    assert aggregated(client, index, "model_event.kind") == "verdict"
