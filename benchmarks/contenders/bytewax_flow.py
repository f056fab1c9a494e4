"""A Bytewax dataflow with its Kafka connectors, scored batch by batch with `flat_map_batch`
(https://docs.bytewax.io/stable/api/bytewax/bytewax.operators.html)."""

import time
from pathlib import Path
from typing import Any

from bytewax import operators as op  # type: ignore[import-not-found]
from bytewax.connectors.kafka import KafkaSinkMessage  # type: ignore[import-not-found]
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow  # type: ignore[import-not-found]
from bytewax.run import cli_main  # type: ignore[import-not-found]
from confluent_kafka import OFFSET_BEGINNING

from benchmarks.contenders.job import Model, Place, job


def main() -> None:
    """Run until told to stop."""
    task = job()
    model = Model(Path(task.model))

    def score(messages: list[Any]) -> list[Any]:
        began = time.time()
        events = [model.decode(message.value) for message in messages]
        places = [Place(m.topic, m.partition, m.offset, m.timestamp[1] / 1e3) for m in messages]
        values = model.encode(events, model.predict(events), places, began)
        return [
            KafkaSinkMessage(key=message.key, value=value)
            for message, value in zip(messages, values, strict=True)
        ]

    flow = Dataflow("scoring")
    received = kop.input(
        "events",
        flow,
        brokers=[task.kafka],
        topics=[task.input],
        starting_offset=OFFSET_BEGINNING,
        batch_size=task.batch,
        add_config={"fetch.queue.backoff.ms": "5", "fetch.wait.max.ms": "5"},
    )
    scored = op.flat_map_batch("score", received.oks, score)
    kop.output(
        "predictions",
        scored,
        brokers=[task.kafka],
        topic=task.output,
        add_config={"compression.type": "lz4", "queue.buffering.max.messages": "500000"},
    )
    cli_main(flow)


if __name__ == "__main__":
    main()
