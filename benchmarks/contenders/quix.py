"""A Quix Streams application as its tutorials show it: a streaming data frame, event by event; it
has no operator for batches but windows, which are kept per key."""

import time
from pathlib import Path
from typing import Any

from quixstreams import Application, message_context  # type: ignore[import-not-found]

from benchmarks.contenders.job import Model, Place, job


def main() -> None:
    """Run until told to stop."""
    task = job()
    model = Model(Path(task.model))
    app = Application(
        broker_address=task.kafka,
        consumer_group=task.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        use_changelog_topics=False,
        loglevel="WARNING",
        producer_extra_config={"compression.type": "lz4"},
    )
    events = app.topic(task.input, value_deserializer="bytes", key_deserializer="bytes")
    predictions = app.topic(task.output, value_serializer="bytes", key_serializer="bytes")

    def score(value: bytes, _key: Any, timestamp: int, _headers: Any) -> bytes:
        began = time.time()
        context = message_context()
        event = model.decode(value)
        place = Place(context.topic, context.partition, context.offset, timestamp / 1e3)
        return model.encode([event], model.predict([event]), [place], began)[0]

    app.dataframe(events).apply(score, metadata=True).to_topic(predictions)
    app.run()


if __name__ == "__main__":
    main()
