"""A Faust agent as its user guide shows it. Variant `each`: event by event; `take`: by batches of
up to 1,000 (https://faust-streaming.github.io/faust/userguide/streams.html#take)."""

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import faust

from benchmarks.contenders.job import Model, Place, job

TASK = job()
MODEL = Model(Path(TASK.model))
# Faust's worker reads the command line too.
del sys.argv[1:]

app: Any = faust.App(
    TASK.group,
    broker=f"kafka://{TASK.kafka}",
    value_serializer="raw",
    key_serializer="raw",
    store="memory://",
    datadir=tempfile.gettempdir(),
    web_enabled=False,
    topic_disable_leader=True,
    topic_allow_declare=False,
    stream_wait_empty=False,
    consumer_auto_offset_reset="earliest",
    producer_compression_type="lz4",
    producer_linger_ms=5,
)
events = app.topic(TASK.input, value_type=bytes)
predictions = app.topic(TASK.output, value_type=bytes)


def place(event: Any) -> Place:
    """Where an event stood."""
    message = event.message
    return Place(message.topic, message.partition, message.offset, message.timestamp)


async def answer(given: list[Any]) -> None:
    """Score some events and send their predictions."""
    began = time.time()
    parsed = [MODEL.decode(event.value) for event in given]
    values = MODEL.encode(parsed, MODEL.predict(parsed), list(map(place, given)), began)
    for event, value in zip(given, values, strict=True):
        await predictions.send(key=event.key, value=value, partition=event.message.partition)


if TASK.variant == "each":

    @app.agent(events)  # type: ignore[untyped-decorator]
    async def each(stream: Any) -> None:
        """One event at a time."""
        async for event in stream.events():
            await answer([event])

else:

    @app.agent(events)  # type: ignore[untyped-decorator]
    async def take(stream: Any) -> None:
        """What has arrived within 20 ms, at most 1,000 events."""
        async for batch in stream.take_events(1000, within=0.02):
            await answer(batch)


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARNING", quiet=True).execute_from_commandline()
