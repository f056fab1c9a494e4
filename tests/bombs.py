"""Batches of some KiB that unpack to more than anybody should take."""

from confluent_kafka import Producer

_BYTES = 120_000_000


def bomb(bootstrap_servers: str, topic: str, records: int) -> None:
    """Send one batch to partition 0: `records` records, 120 MB together, some KiB on their way."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "compression.type": "zstd",
            "message.max.bytes": 1_000_000_000,
            "batch.size": 1_000_000_000,
            "linger.ms": 5000,
        }
    )
    failures: list[object] = []
    value = b"x" * (_BYTES // records)
    for _ in range(records):
        producer.produce(
            topic, value, partition=0, on_delivery=lambda error, _: failures.append(error)
        )
    assert producer.flush(60) == 0
    assert failures == [None] * records
