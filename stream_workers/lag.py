"""How far the consumer is behind, from what it knows by itself; for its own thread only.

Asked from another thread while it polls, confluent-kafka 2.16 may stop the whole process.
"""

from collections.abc import Iterable

import confluent_kafka
from confluent_kafka import KafkaException, TopicPartition

from stream_workers.watermark import Partition


def known_lags(
    consumer: confluent_kafka.Consumer, partitions: Iterable[Partition]
) -> dict[Partition, int]:
    """Records not read yet, of the partitions that were fetched from at least once."""
    found = {}
    for partition in partitions:
        asked = TopicPartition(*partition)
        try:
            [position] = consumer.position([asked])
            _, end = consumer.get_watermark_offsets(asked, cached=True)
        except KafkaException:
            continue
        if position.offset >= 0 and end >= 0:
            found[partition] = max(0, end - position.offset)
    return found
