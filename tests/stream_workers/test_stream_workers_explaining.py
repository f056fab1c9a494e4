"""A share of the predictions says why it is what it is; no prediction is ever worse off for it."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace
from prometheus_client import generate_latest

from contracts.deployments import DeployedVersion, Deployment
from contracts.events import FeatureValue, ModelRef, Prediction
from contracts.feature_schema import Feature, FeatureSchema
from contracts.operating.health import Health
from contracts.operating.metrics import ServiceMetrics
from contracts.packages import Task
from contracts.scorer import Scorer
from stream_workers import explaining
from stream_workers.decoding import Limits
from stream_workers.explaining import Explaining, is_sampled
from stream_workers.metrics import WorkerMetrics
from stream_workers.outputs import Destinations, Output, OutputWriter
from stream_workers.records import Record
from stream_workers.scoring import BatchScorer
from stream_workers.serving import LoadedVersion, ServedModel, Serving

NOW = 1_700_000_000.0
SCHEMA = FeatureSchema((Feature("size", "numeric"), Feature("colour", "categorical")))
BACKGROUND: tuple[dict[str, FeatureValue], ...] = (
    {"size": 0.0, "colour": "red"},
    {"size": 2.0, "colour": "blue"},
)


class Model:
    """Ten times the size, and one for red; raises on what no event has: a size with the other
    colour's event, so only while explaining."""

    def __init__(self, harmed: bool = False) -> None:
        self.calls: list[int] = []
        self._harmed = harmed

    def predict(self, inputs: Any) -> Any:
        self.calls.append(len(inputs))
        red = (inputs["colour"] == "red").to_numpy()
        if self._harmed and not red.all():
            raise ValueError("nobody expects blue")
        return inputs["size"].to_numpy() * 10 + red


def serving(
    model: Any,
    background: tuple[dict[str, FeatureValue], ...] = BACKGROUND,
    task: Task = "regression",
) -> Serving:
    deployment = Deployment(
        environment="test",
        model="m",
        sequence=1,
        champion=DeployedVersion("1", "0" * 64),
        author="a",
        reason="r",
        created_at=datetime.now(UTC),
    )
    scorer = Scorer(task, SCHEMA, model)
    champion = LoadedVersion(ModelRef("m", "1", "champion"), "0" * 64, scorer, background)
    shadow = LoadedVersion(ModelRef("m", "2", "shadow"), "1" * 64, scorer, background)
    return Serving({"m": ServedModel(deployment, champion, shadows=(shadow,))})


def records(count: int) -> list[Record]:
    return [
        Record(
            "features",
            0,
            number,
            b"key",
            msgspec.json.encode(
                {
                    "event_id": f"e{number}",
                    "entity_id": "n",
                    "occurred_at": NOW,
                    "model": "m",
                    "features": {"size": number, "colour": "red"},
                }
            ),
            NOW,
            [],
        )
        for number in range(count)
    ]


class Worker:
    """What of a worker turns records into outputs, with its metrics."""

    def __init__(self, share: float | None) -> None:
        self._metrics = ServiceMetrics("worker", "w", Health())
        told = WorkerMetrics(self._metrics)
        to = Destinations("predictions", "shadow", "dead-letters", "waiting")
        self._scorer = BatchScorer(
            OutputWriter("w", to, letter_bytes=1 << 20),
            Limits(1 << 20, 1e9, 1e9),
            {},
            clock=lambda: NOW,
            explaining=None if share is None else Explaining(share, told),
        )

    def outputs(self, given: Sequence[Record], served: Serving) -> list[Output]:
        return self._scorer.score(given, served)

    def count(self, outcome: str) -> float:
        name = f'millrace_explanations_total{{model="m",outcome="{outcome}"'
        lines = generate_latest(self._metrics.registry).decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def predictions(outputs: Sequence[Output], topic: str = "predictions") -> list[Prediction]:
    found = [o.value for o in outputs if o.topic == topic]
    return [msgspec.json.decode(value, type=Prediction) for value in found]


def test_a_prediction_is_the_mean_answer_and_what_each_feature_moved_it_by() -> None:
    worker = Worker(1.0)
    for prediction in predictions(worker.outputs(records(5), serving(Model()))):
        explanation = prediction.explanation
        assert explanation is not None
        assert explanation.base == pytest.approx(10.5)
        size = prediction.features["size"]  # type: ignore[index]
        assert explanation.values == pytest.approx({"size": 10 * (size - 1), "colour": 0.5})
    assert (worker.count("made"), worker.count("left_out")) == (5, 0)


def test_only_the_sampled_events_are_explained_and_all_else_stays_as_it_is() -> None:
    given = records(400)
    plain = Worker(None).outputs(given, serving(Model()))
    some = Worker(0.1).outputs(given, serving(Model()))
    explained = [p.event_id for p in predictions(some) if p.explanation]
    assert 15 <= len(explained) <= 70
    assert explained == [f"e{n}" for n in range(400) if is_sampled(f"e{n}", 0.1)]
    for one, other in zip(predictions(plain), predictions(some), strict=True):
        assert one == replace(other, explanation=None, latency=one.latency)
    assert not any(p.explanation for p in predictions(some, "shadow"))


def test_an_event_that_comes_again_is_explained_again_and_alike() -> None:
    batch, alone = records(100), records(100)[41:42]
    first = predictions(Worker(1.0).outputs(batch, serving(Model())))[41]
    again = predictions(Worker(1.0).outputs(alone, serving(Model())))[0]
    assert first.explanation == again.explanation != None  # noqa: E711


def test_a_greater_share_only_adds_events() -> None:
    ids = [f"event-{number}" for number in range(2000)]
    few, many = ({i for i in ids if is_sampled(i, share)} for share in (0.05, 0.5))
    assert few < many
    assert len(few) / 2000 == pytest.approx(0.05, abs=0.02)
    assert len(many) / 2000 == pytest.approx(0.5, abs=0.04)
    assert not any(is_sampled(i, 0.0) for i in ids)
    assert all(is_sampled(i, 1.0) for i in ids)


def test_a_batch_is_explained_in_a_few_calls_and_not_event_by_event() -> None:
    model = Model()
    assert len(predictions(Worker(1.0).outputs(records(200), serving(model)))) == 200
    assert len(model.calls) <= 5  # the champion, the shadow, the background, the ways


def test_an_explanation_that_fails_harms_no_prediction() -> None:
    worker, served = Worker(1.0), serving(Model(harmed=True))
    for _ in range(3):
        found = predictions(worker.outputs(records(4), served))
        assert [p.prediction.value for p in found] == [1, 11, 21, 31]  # type: ignore[union-attr]
        assert not any(p.explanation for p in found)
    assert (worker.count("made"), worker.count("left_out")) == (0, 12)


@pytest.mark.parametrize(
    ("model", "background", "task"),
    [
        (Model(), (), "regression"),
        (Model(), BACKGROUND, "clustering"),
        (Model(), BACKGROUND, "classification"),
    ],
    ids=["a package of an older release", "clusters", "classes without probabilities"],
)
def test_what_cannot_be_explained_is_left_out(model: Any, background: Any, task: Task) -> None:
    worker = Worker(1.0)
    found = predictions(worker.outputs(records(3), serving(model, background, task)))
    assert len(found) == 3
    assert worker.count("left_out") == 3


def test_a_batch_does_not_wait_for_more_explanations_than_the_limit(monkeypatch: Any) -> None:
    monkeypatch.setattr(explaining, "MOST_MODEL_ROWS", 40)
    worker = Worker(1.0)
    found = predictions(worker.outputs(records(30), serving(Model())))
    assert len(found) == 30
    assert worker.count("made") == sum(p.explanation is not None for p in found) == 10
    assert worker.count("left_out") == 20


def test_an_explanation_too_large_for_the_topic_is_left_out(monkeypatch: Any) -> None:
    monkeypatch.setattr(explaining, "MOST_BYTES", 10)
    worker = Worker(1.0)
    assert len(predictions(worker.outputs(records(3), serving(Model())))) == 3
    assert worker.count("left_out") == 3


def test_values_are_finite_numbers() -> None:
    class Overflows(Model):
        def predict(self, inputs: Any) -> Any:
            answers = super().predict(inputs)
            return np.where(inputs["colour"] == "red", answers, np.inf)

    worker = Worker(1.0)
    assert len(predictions(worker.outputs(records(3), serving(Overflows())))) == 3
    assert worker.count("left_out") == 3
