"""Memory, files, threads and processor time of this process, under Prometheus' usual names."""

from collections.abc import Iterator

import psutil
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


class ProcessCollector(Collector):
    """prometheus_client's own collector knows Linux only, and no threads."""

    def __init__(self) -> None:
        self._process = psutil.Process()

    def collect(self) -> Iterator[Metric]:
        """Ask the operating system."""
        with self._process.oneshot():
            processor = self._process.cpu_times()
            yield _gauge("resident_memory_bytes", "Memory held", self._process.memory_info().rss)
            yield _gauge("open_fds", "Open file descriptors", self._process.num_fds())
            yield _gauge("threads", "Threads", self._process.num_threads())
            yield _gauge(
                "start_time_seconds", "Start, seconds since 1970", self._process.create_time()
            )
            yield CounterMetricFamily(
                "process_cpu_seconds",
                "Processor time, user and system",
                processor.user + processor.system,
            )


def _gauge(name: str, documentation: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"process_{name}", documentation, value)
