"""A loop over confluent-kafka, the fastest that can be written in an afternoon: no callbacks, one
flush per batch, then its offsets. Variant `copy` has no model: the limit of the client."""

import time
from pathlib import Path

import confluent_kafka as ck

from benchmarks.contenders.job import Model, Place, job


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
    while True:
        first = consumer.poll(0.1)
        if first is None:
            continue
        messages = [first, *consumer.consume(task.batch - 1, 0)]
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
        producer.flush()
        consumer.commit(asynchronous=True)


if __name__ == "__main__":
    main()
