"""Metrics that are asked for at each scrape, and not kept: readiness, lag, what is loaded."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from contracts.operating.health import Health

Lags = Mapping[tuple[str, int], int]
"""(Topic, partition) -> records not read yet."""


class Asked(Collector):
    """Calls `ask` whenever somebody wants the metrics."""

    def __init__(self, ask: Callable[[], Iterable[Metric]]) -> None:
        self._ask = ask

    def collect(self) -> Iterable[Metric]:
        """Ask."""
        return self._ask()

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering would otherwise ask before there is an answer."""
        return ()


def gauge(service: str, name: str, documentation: str, value: float) -> Metric:
    """One value that goes up and down."""
    family = GaugeMetricFamily(name, documentation, labels=("service",))
    family.add_metric([service], value)
    return family


def counter(service: str, name: str, documentation: str, value: float) -> Metric:
    """One count that was kept elsewhere."""
    family = CounterMetricFamily(name, documentation, labels=("service",))
    family.add_metric([service], value)
    return family


def retries(service: str, of: str, value: float) -> Metric:
    """How often something of which a service never tires was tried again."""
    family = CounterMetricFamily(
        "millrace_retries", "Attempts that had to be repeated", labels=("service", "of")
    )
    family.add_metric([service, of], value)
    return family


def readiness(service: str, health: Health) -> Iterator[Metric]:
    """Whether the service is ready, and which conditions of that hold."""
    report = health.ready()
    yield gauge(service, "millrace_ready", "1 while ready for work", report.healthy)
    family = GaugeMetricFamily(
        "millrace_ready_condition",
        "1 while this condition of readiness holds",
        labels=("service", "condition"),
    )
    for name, condition in report.conditions.items():
        family.add_metric([service, name], condition.holds)
    yield family


def reading(service: str, partitions: int, lags: Lags) -> Iterator[Metric]:
    """How much there is to read: the partitions owned, and the lag of those that are known."""
    yield gauge(
        service, "millrace_assigned_partitions", "Partitions given by the group", partitions
    )
    family = GaugeMetricFamily(
        "millrace_lag_records", "Records not read yet", labels=("service", "topic", "partition")
    )
    for (topic, partition), records in lags.items():
        family.add_metric([service, topic, str(partition)], records)
    yield family
