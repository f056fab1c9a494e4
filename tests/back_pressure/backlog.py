"""A backlog several times larger than what any process may take: small, large and deceptive."""

import os
from collections.abc import Iterator
from random import Random

from confluent_kafka import Producer

from contracts.settings import Settings

MIB = 1024 * 1024
SMALL, LARGE = 2_000, 960_000
"""Characters; the large ones nearly fill an event."""
COMPRESSIBLE, INCOMPRESSIBLE, FEW_CHARACTERS = 1500, 60, 40_000
"""Records of each shape. The first are a few KiB each on their way and 1.4 GiB in memory."""
RECORDS = COMPRESSIBLE + INCOMPRESSIBLE + FEW_CHARACTERS
_NOISE = os.urandom(MIB).hex()


def texts() -> Iterator[str]:
    """The text of each record, those of one shape together: a batch may be full of the worst."""
    random = Random(7)
    for _ in range(COMPRESSIBLE):
        yield "x" * LARGE
    for size, count in ((LARGE, INCOMPRESSIBLE), (SMALL, FEW_CHARACTERS)):
        for _ in range(count):
            start = random.randrange(MIB)
            yield _NOISE[start : start + size]


def send(settings: Settings, topic: str, values: Iterator[bytes]) -> None:
    """Put values on a topic, evenly over its partitions; wait until Kafka has them all."""
    producer = Producer(
        {
            "bootstrap.servers": settings.kafka,
            "compression.type": "lz4",
            "message.max.bytes": 2 * MIB,
            "linger.ms": 20,
            "queue.buffering.max.kbytes": 64 * 1024,
        }
    )
    for number, value in enumerate(values):
        _produce(producer, topic, number % settings.partitions, value)
    assert producer.flush(120) == 0


def _produce(producer: Producer, topic: str, partition: int, value: bytes) -> None:
    while True:
        try:
            return producer.produce(topic, value, key=b"k", partition=partition)
        except BufferError:
            producer.poll(0.1)
