"""Figures come out of the metrics, and the metrics out of whole batches."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from contracts.operating.figures import figures, percentile, read
from contracts.operating.health import Condition, Health
from contracts.operating.histograms import BatchHistogram
from contracts.operating.kafka_watch import TOLD_AGAIN_SECONDS, KafkaWatch
from contracts.operating.metrics import ServiceMetrics
from contracts.operating.tracing import is_sampled

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UP = '{"brokers": {"a": {"state": "UP", "nodeid": 1}}}'
DOWN = '{"brokers": {"a": {"state": "CONNECT", "nodeid": 1}}}'


def test_a_batch_lands_in_the_buckets_that_prometheus_expects() -> None:
    registry = CollectorRegistry()
    histogram = BatchHistogram("h", "help", "worker", (1.0, 2.0), registry)
    histogram.observe(np.array([0.5, 1.0, 1.5, 9.0]))
    text = generate_latest(registry).decode()
    assert 'h_bucket{le="1.0",service="worker"} 2.0' in text
    assert 'h_bucket{le="2.0",service="worker"} 3.0' in text
    assert 'h_bucket{le="+Inf",service="worker"} 4.0' in text
    assert 'h_sum{service="worker"} 12.0' in text


def test_figures_are_those_of_the_time_between_two_readings() -> None:
    health = Health()
    metrics = ServiceMetrics("worker", "w1", health)
    metrics.batch(1000)
    metrics.done(1000.0, np.full(1000, 999.0))
    before = read(metrics.registry, NOON)
    metrics.batch(30)
    metrics.batch(10)
    metrics.done(1000.0, np.full(40, 1000.0 - 0.004))
    metrics.dead_letter("malformed", 2)
    health.ready_while("model", lambda: Condition(False, "none"))
    now = read(metrics.registry, NOON + timedelta(seconds=10))
    found = figures("worker", "w1", "1.0", "http://h:1", health.ready(), before, now)
    assert (found.records, found.records_per_second) == (40, 4.0)
    assert (found.batches, found.mean_batch) == (2, 20.0)
    assert found.latency is not None
    assert 3 <= found.latency.p50 <= found.latency.p99 <= 5
    assert found.dead_letters == {"malformed": 2}
    assert (found.ready, found.not_ready) == (False, {"model": "none"})
    assert found.lag is None, "nothing is known of it"


@pytest.mark.parametrize(
    ("share", "counts", "expected"),
    [(0.5, [10, 0, 0], 0.5), (0.5, [0, 10, 0], 1.5), (0.99, [0, 0, 10], 2.0), (1.0, [5, 5, 0], 2)],
)
def test_percentiles_are_read_as_prometheus_does(
    share: float, counts: list[float], expected: float
) -> None:
    assert percentile(share, [1.0, 2.0, float("inf")], counts) == pytest.approx(expected)


def test_a_condition_that_cannot_be_asked_does_not_hold() -> None:
    health = Health()

    def fails() -> Condition:
        raise RuntimeError("gone")

    health.ready_while("x", fails)
    report = health.ready()
    assert (report.healthy, report.conditions["x"].detail) == (False, "gone")


def test_an_outage_of_kafka_is_told_now_and_then_and_so_is_its_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    now, told = [0.0], []
    watch = KafkaWatch("k:9092", told.append, clock=lambda: now[0])
    watch.take(UP)
    assert watch.condition().holds
    for second in range(1, int(2 * TOLD_AGAIN_SECONDS)):
        now[0] = float(second)
        watch.take(DOWN)
    assert not watch.condition().holds
    assert told == [True, False]
    watch.take(UP)
    assert watch.condition().holds


@pytest.mark.parametrize(
    ("traceparent", "expected"),
    [
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00", False),
        ("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-zz", False),
        ("nonsense", False),
        (None, False),
    ],
)
def test_only_sampled_traces_count(traceparent: str | None, expected: bool) -> None:
    assert is_sampled(traceparent) is expected
