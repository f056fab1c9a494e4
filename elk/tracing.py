"""A span for every record of a sampled event that was indexed."""

import time

from contracts.operating.tracing import Traces, kafka_attributes
from elk.batches import Batch
from elk.lanes import Deliver
from elk.record import Record


def traced(deliver: Deliver, traces: Traces | None) -> Deliver:
    """The same delivery of batches, traced; unchanged while no traces are exported."""
    if traces is None:
        return deliver

    def deliver_and_trace(batch: Batch[Record]) -> tuple[int, int]:
        began = time.time()
        done = deliver(batch)
        ended = time.time()
        for record in batch.records:
            if record.headers:
                attributes = kafka_attributes(
                    "indexer", record.topic, record.partition, record.offset
                )
                traces.record("index", record.headers, began, ended, attributes)
        return done

    return deliver_and_trace
