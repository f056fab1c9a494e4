"""Spans for events that a producer traces (W3C trace context), exported by OpenTelemetry.

Off unless `OTEL_EXPORTER_OTLP_ENDPOINT` is set, and then only for events whose `traceparent` says
that they are sampled. OpenTelemetry's own variables (`OTEL_*`) configure the rest.
"""

import os
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from opentelemetry.trace import SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

log = structlog.get_logger("tracing")

VARIABLES = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_SAMPLED = 1
_STOP_SECONDS = 3.0
_HEADERS = ("traceparent", "tracestate")
_propagator = TraceContextTextMapPropagator()


class Traces:
    """Exports spans in a thread of its own; what its queue cannot hold is dropped."""

    def __init__(self, provider: "TracerProvider") -> None:
        self._provider = provider
        self._tracer: Tracer = provider.get_tracer("millrace")

    def record(
        self,
        name: str,
        headers: Sequence[tuple[str, bytes | None]] | None,
        began: float,
        ended: float,
        attributes: Mapping[str, str | int],
    ) -> None:
        """Tell what was done with a record, as a child of its producer's span if that is sampled.

        Args:
            headers: of the record; None if they cannot be read.
            began, ended: seconds since 1970.
        """
        carrier = {n: v.decode("ascii", "replace") for n, v in headers or () if n in _HEADERS and v}
        if not is_sampled(carrier.get("traceparent")):
            return
        span = self._tracer.start_span(
            name,
            context=_propagator.extract(carrier),
            kind=SpanKind.CONSUMER,
            attributes=dict(attributes),
            start_time=int(began * 1e9),
        )
        span.end(int(ended * 1e9))

    def close(self) -> None:
        """Export what is left, for a bounded time: a collector may be away."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(_STOP_SECONDS)


def traces_of(service: str, member: str) -> Traces | None:
    """Set up tracing as the environment says; None where it does not ask for any."""
    if not any(os.environ.get(variable) for variable in VARIABLES):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no traces are exported: install Millrace with its extra 'tracing'")
        return None
    names: dict[str, Any] = {"service.name": f"millrace-{service}", "service.instance.id": member}
    provider = TracerProvider(resource=Resource.create(names), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider)


def kafka_attributes(service: str, topic: str, partition: int, offset: int) -> dict[str, str | int]:
    """Attributes by OpenTelemetry's semantic conventions for messaging."""
    return {
        "messaging.system": "kafka",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": service,
        "messaging.destination.name": topic,
        "messaging.destination.partition.id": str(partition),
        "messaging.kafka.offset": offset,
    }


def is_sampled(traceparent: str | None) -> bool:
    """Whether the flags of a `traceparent` (https://www.w3.org/TR/trace-context/) say so."""
    fields = (traceparent or "").split("-")
    try:
        return len(fields) >= 4 and bool(int(fields[3], 16) & _SAMPLED)
    except ValueError:
        return False
