"""A loop over confluent-kafka, the fastest that can be written in an afternoon: no callbacks, a
flush and a commit now and then. Variant `copy` has no model: the limit of the client."""

import gc
import signal
import sys
import time
from pathlib import Path
from typing import Any

import confluent_kafka as ck

from benchmarks.contenders.job import Job, Model, Place, job

COMMIT_SECONDS = 0.5
"""As often as the worker."""


def main() -> None:
    """Run until killed."""
    task = job()
    model = None if task.variant == "copy" else Model(Path(task.model))
    consumer = ck.Consumer(
        {
            "bootstrap.servers": task.kafka,
            "group.id": task.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            # The same as the worker: with the defaults the consumer throttles itself.
            "fetch.queue.backoff.ms": 5,
            "fetch.wait.max.ms": 5,
            "queued.min.messages": 20_000,
        }
    )
    producer = ck.Producer(
        {
            "bootstrap.servers": task.kafka,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 1,
            "queue.buffering.max.messages": 200_000,
        }
    )
    consumer.subscribe([task.input])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    try:
        work(task, model, consumer, producer)
    finally:
        consumer.close()


def work(task: Job, model: Model | None, consumer: ck.Consumer, producer: ck.Producer) -> None:
    """Read what is there, predict, produce, commit; for ever."""
    commit_at = 0.0
    gc.collect()
    gc.freeze()
    while True:
        first = consumer.poll(0.1)
        if first is None:
            continue
        messages: list[Any] = [first, *consumer.consume(task.batch - 1, 0)]
        began = time.time()
        if model is None:
            for message in messages:
                producer.produce(task.output, message.value(), message.key(), message.partition())
        else:
            events = [model.decode(message.value()) for message in messages]
            places = [
                Place(m.topic(), m.partition(), m.offset(), m.timestamp()[1] / 1e3)
                for m in messages
            ]
            values = model.encode(events, model.predict(events), places, began)
            for message, value in zip(messages, values, strict=True):
                producer.produce(task.output, value, message.key(), message.partition())
        producer.poll(0)
        if time.monotonic() >= commit_at:
            # Only what Kafka has acknowledged may be committed.
            producer.flush()
            consumer.commit(asynchronous=True)
            commit_at = time.monotonic() + COMMIT_SECONDS


if __name__ == "__main__":
    main()
