"""How far the consumer is behind, from what it knows by itself; for its own thread only."""

from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError

from elk.batches import Partition


def known_lags(consumer: Any) -> dict[Partition, int]:
    """Records not read yet, of the partitions that were fetched from at least once."""
    positions = known_positions(consumer)
    return {
        partition: max(0, consumer.highwater(TopicPartition(*partition)) - position)
        for partition, position in positions.items()
    }


def known_positions(consumer: Any) -> dict[Partition, int]:
    """Where it reads on, in the partitions that were fetched from at least once."""
    found = {}
    for partition in consumer.assignment():
        if consumer.highwater(partition) is None:
            continue  # and so its position would have to be asked for
        try:
            position = consumer.position(partition, timeout_ms=1)
        except KafkaError:
            continue
        if position is not None:
            found[partition.topic, partition.partition] = position
    return found
