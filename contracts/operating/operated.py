"""The wiring of what operators see of a service: health, metrics, figures and traces."""

from datetime import UTC, datetime
from importlib.metadata import version
from types import TracebackType

import structlog

from contracts.operating.endpoint import Endpoint
from contracts.operating.figures import Reading, figures, read
from contracts.operating.health import Health
from contracts.operating.kafka_watch import KafkaWatch
from contracts.operating.metrics import ServiceMetrics
from contracts.operating.publisher import StatsPublisher
from contracts.operating.tracing import traces_of
from contracts.service_stats import ServiceStats
from contracts.settings import Settings

log = structlog.get_logger("operating")


class Operated:
    """One process as its operators see it, for the length of a `with` block.

    Add conditions to `health` and metrics to `metrics` before the block.

    Args:
        service: worker, indexer and so on.
        member: what this process calls itself in messages and documents.
    """

    def __init__(self, settings: Settings, service: str, member: str) -> None:
        self.health = Health()
        self.metrics = ServiceMetrics(service, member, self.health)
        self.traces = traces_of(service, member)
        self._settings, self._service, self._member = settings, service, member
        self._version = version("millrace")
        self.kafka = KafkaWatch(settings.kafka, self.metrics.kafka_answers)
        self.health.ready_while("kafka", self.kafka.condition)

    def __enter__(self) -> "Operated":
        """Serve and publish.

        Raises:
            ConfigurationError: the address of the endpoint cannot be had.
        """
        self._before = self._read()
        self._endpoint = Endpoint(self._settings.http_address, self.health, self.metrics.registry)
        self._publisher = StatsPublisher(self._settings, self._member, self.kafka, self._stats)
        self._publisher.start()
        log.info("health and metrics", address=self._endpoint.url)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it all."""
        self._publisher.stop()
        self._endpoint.close()
        if self.traces is not None:
            self.traces.close()

    def _stats(self) -> ServiceStats:
        """The figures since the last ones."""
        before, self._before = self._before, self._read()
        return figures(
            self._service,
            self._member,
            self._version,
            self._endpoint.url,
            self.health.ready(),
            before,
            self._before,
        )

    def _read(self) -> Reading:
        return read(self.metrics.registry, datetime.now(UTC))
