"""A span for every sampled event that was scored."""

from collections.abc import Sequence

from contracts.dead_letters import Reason
from contracts.events import ModelRef
from contracts.operating.tracing import Traces, kafka_attributes
from stream_workers.outputs import Row, Timing


class ScoringTraces:
    """An observer of scoring; only there while traces are exported."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def taken(self, records: int) -> None:
        """Nothing to tell: spans are those of events."""

    def refused(self, reason: Reason) -> None:
        """Nothing to tell: the dead letter keeps the trace's headers."""

    def scored(self, model: ModelRef, rows: Sequence[Row], timing: Timing) -> None:
        """One span per sampled row, as long as its batch took."""
        for row in rows:
            record = row.record
            if not record.headers:
                continue
            attributes = kafka_attributes("workers", record.topic, record.partition, record.offset)
            attributes |= {
                "millrace.model.name": model.name,
                "millrace.model.version": model.version,
                "millrace.model.role": model.role,
                "messaging.batch.message_count": len(rows),
            }
            self._traces.record("score", record.headers, timing.started, timing.scored, attributes)
