"""Deployments under a steady load on two workers: each event is predicted once, by a version that
was in force, and no worker goes back to a deployment that it has left."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import confluent_kafka as ck
import pytest

from contracts.control_topic import read_control
from contracts.deployments import Canary, DeployedVersion, Deployment
from contracts.errors import DeploymentError
from contracts.events import Latency, ModelRef, Prediction, Regression, Source
from stream_workers.serving import routing_share
from trainer import promote, publish, roll_back, start_canary

Works = Any
MODEL = "sizes"
PER_SECOND = 400
BETWEEN = 150
"""Events between two deployments."""


class SteadyLoad(threading.Thread):
    """Events of 200 entities, each with a partition of its own, until it is ended."""

    def __init__(self, works: Works) -> None:
        super().__init__(daemon=True)
        self._works = works
        self._ended = threading.Event()
        self.sent = 0

    def run(self) -> None:
        producer = ck.Producer({"bootstrap.servers": self._works.settings.kafka, "linger.ms": 0})
        topic, began = self._works.topics.features.name, time.monotonic()
        while not self._ended.wait(0.005):
            while self.sent < (time.monotonic() - began) * PER_SECOND:
                entity = self.sent % 200
                event = self._works.event(event_id=f"e{self.sent}", entity_id=f"n{entity}")
                producer.produce(topic, event, f"n{entity}", entity % 4)
                self.sent += 1
            producer.poll(0)
        assert producer.flush(60) == 0

    def end(self) -> None:
        self._ended.set()
        self.join()


def version_for(deployment: Deployment, entity: str) -> str:
    """Who serves an entity, by docs/models.md."""
    canary = deployment.canary
    if canary is not None and routing_share(MODEL, entity) < canary.weight:
        return canary.version
    return deployment.champion.version


def violations(
    predictions: Sequence[Prediction],
    appended: dict[int, datetime],
    deployments: dict[int, Deployment],
    swapped: dict[str, dict[int, datetime]],
) -> list[str]:
    """Predictions that no deployment explains, given those before them of the same worker and
    partition, in the order of the log.

    Args:
        appended: sequence -> when it was written; nobody can serve it before.
        swapped: worker -> sequence -> when it had swapped; what was sent later is served by it, or
            by a later one.
    """
    found: list[str] = []
    at_least: defaultdict[tuple[str, int], int] = defaultdict(lambda: 1)
    for p in predictions:
        place = (p.worker, p.source.partition)
        told = [n for n, at in swapped[p.worker].items() if at < p.occurred_at]
        possible = [
            sequence
            for sequence in deployments
            if sequence >= max(at_least[place], *told, 1)
            and appended[sequence] <= p.predicted_at
            and version_for(deployments[sequence], p.entity_id) == p.model.version
        ]
        if possible:
            at_least[place] = min(possible)
        else:
            found.append(f"{p.event_id} of {p.entity_id} by version {p.model.version} at {place}")
    return found


def test_who_goes_back_to_a_deployment_is_found() -> None:
    moments = [datetime.fromtimestamp(second, UTC) for second in range(100)]

    def deployment(sequence: int, version: str, canary: Canary | None = None) -> Deployment:
        return Deployment(
            environment="test",
            model=MODEL,
            sequence=sequence,
            champion=DeployedVersion(version, "0" * 64),
            canary=canary,
            author="test",
            reason="test",
            created_at=moments[0],
        )

    def prediction(second: int, version: str, worker: str = "a", partition: int = 0) -> Prediction:
        return Prediction(
            event_id=f"e{second}",
            entity_id="n1",
            occurred_at=moments[second],
            predicted_at=moments[second + 1],
            model=ModelRef(MODEL, version, "champion"),
            prediction=Regression(1.0),
            latency=Latency(0, 0, 0, 0),
            source=Source("features", "id", partition, second),
            worker=worker,
        )

    canary = Canary("3", "1" * 64, routing_share(MODEL, "n1"))  # everybody below n1
    deployments = {
        1: deployment(1, "1"),
        2: deployment(2, "2"),
        3: deployment(3, "1", canary),
    }
    appended = {1: moments[0], 2: moments[10], 3: moments[20]}
    swapped = {"a": {1: moments[1], 2: moments[12], 3: moments[22]}, "b": {1: moments[1]}}

    def found(*predictions: Prediction) -> list[str]:
        return violations(predictions, appended, deployments, swapped)

    fine = [prediction(5, "1"), prediction(11, "2"), prediction(13, "2"), prediction(30, "1")]
    assert found(*fine) == []
    assert found(prediction(11, "2"), prediction(12, "1")) != [], "it flaps"
    assert found(prediction(11, "2"), prediction(12, "1", "b")) == [], "another worker is late"
    assert found(prediction(5, "2")) != [], "before it was deployed"
    assert found(prediction(13, "1")) != [], "after it had swapped"
    assert found(prediction(30, "3")) != [], "an entity beside the canary"


@pytest.mark.stack
def test_under_load_every_prediction_is_by_the_version_that_should_have_served(
    works: Works,
) -> None:
    for number in "123":
        works.store_version(number, float(number))
    settings = works.settings
    publish(settings, MODEL, "1")
    works.start_workers(2)

    def both_have(sequence: int) -> None:
        def have() -> bool:
            return sum(e.sequence == sequence for e in works.model_events("swapped")) == 2

        works.wait_for(have, f"sequence {sequence} on both workers")

    both_have(1)
    load = SteadyLoad(works)
    load.start()

    def a_while() -> None:
        enough = load.sent + BETWEEN
        works.wait_for(lambda: load.sent >= enough, "more events")

    steps: Sequence[Callable[[], object]] = (
        lambda: start_canary(settings, MODEL, "2", 0.3, "try it"),
        lambda: start_canary(settings, MODEL, "2", 0.7, "more"),
        lambda: promote(settings, MODEL, reason="good"),
        lambda: roll_back(settings, MODEL, reason="not so good"),
        lambda: start_canary(settings, MODEL, "3", 0.5, "the next"),
        lambda: roll_back(settings, MODEL, reason="no"),
        lambda: promote(settings, MODEL, "3"),
        lambda: roll_back(settings, MODEL),
        lambda: at_once(
            lambda: promote(settings, MODEL, "2"), lambda: promote(settings, MODEL, "3")
        ),
    )
    for sequence, step in enumerate(steps, start=2):
        step()
        both_have(sequence)
        a_while()
    both_have(read_control(settings).log.newest(MODEL).sequence)
    load.end()
    predictions = works.wait_for_predictions(load.sent)
    assert Counter(p.event_id for p in predictions) == Counter(f"e{n}" for n in range(load.sent))
    assert works.dead_letters() == []
    assert {p.model.role for p in predictions} == {"champion", "canary"}
    assert len({p.worker for p in predictions}) == 2
    counted = [r for r in read_control(settings).records if r.deployment is not None]
    swapped: defaultdict[str, dict[int, datetime]] = defaultdict(dict)
    for event in works.model_events("swapped"):
        assert event.sequence not in swapped[event.member], "swapped once"
        swapped[event.member][event.sequence] = event.at
    deployments = {r.deployment.sequence: r.deployment for r in counted}
    appended = {r.deployment.sequence: r.at for r in counted}
    assert all(list(times) == list(deployments) for times in swapped.values())
    assert violations(predictions, appended, deployments, swapped) == []


def at_once(*publishers: Callable[[], object]) -> None:
    """Two engineers who do not know of each other; whoever is slower is refused, or comes next."""

    def publisher(step: Callable[[], object]) -> None:
        with suppress(DeploymentError):
            step()

    threads = [threading.Thread(target=publisher, args=(step,)) for step in publishers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
