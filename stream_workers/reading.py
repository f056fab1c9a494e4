"""Reading what is there: batches form by themselves, bounded in records and in bytes."""

import confluent_kafka

_MOST_BYTES = 8 * 1024 * 1024
"""A batch that has grown to this is scored, whatever else has arrived."""
_FEW = 20
"""Records read at once, before the size of the batch is looked at."""


def read_batch(
    consumer: confluent_kafka.Consumer, most: int, most_seconds: float
) -> list[confluent_kafka.Message]:
    """Wait so long for a first record, and take with it what else has arrived by then."""
    first = consumer.poll(most_seconds)
    if first is None:
        return []
    messages, size = [first], len(first)
    while len(messages) < most and size < _MOST_BYTES:
        # With a timeout it would wait for more.
        more = consumer.consume(min(_FEW, most - len(messages)), 0)
        if not more:
            break
        messages += more
        size += sum(map(len, more))
    return messages
