"""A steady stream of events: `python -m benchmarks.load '{...}'`.

The key of each record is the producer's clock as it was sent, microseconds since 1970: whoever
sees the key again, knows the latency.
"""

import itertools
import sys
import time

import confluent_kafka as ck
import msgspec
from msgspec import Struct

from benchmarks.workloads import WORKLOADS

_STEP_SECONDS = 0.001
_DIFFERENT = 2_000


class Load(Struct, frozen=True):
    """What to send, how many a second, and for how long."""

    kafka: str
    topic: str
    partitions: int
    workload: str
    per_second: float
    seconds: float


def main() -> None:
    """Send; then print when the first and the last were sent, and how many were."""
    load = msgspec.json.decode(sys.argv[1], type=Load)
    values = itertools.cycle(
        [value for _, value in WORKLOADS[load.workload]().messages(_DIFFERENT)]
    )
    producer = ck.Producer(
        {
            "bootstrap.servers": load.kafka,
            "linger.ms": 0,
            "queue.buffering.max.messages": 1_000_000,
            "compression.type": "lz4" if load.per_second > 10_000 else "none",
        }
    )
    producer.list_topics(load.topic, 30)
    began, first = time.monotonic(), time.time_ns() // 1000
    last = first
    partitions = itertools.cycle(range(load.partitions))
    sent = 0
    wanted = round(load.per_second * load.seconds)
    while sent < wanted:
        due = min(wanted, int((time.monotonic() - began) * load.per_second) + 1)
        # One look at the clock for what is sent together: looks would take as long as sending.
        key = str(last := time.time_ns() // 1000)
        # One partition at a time, as producers do by themselves (KIP-480): a request for every
        # single event is what a broker's latency would be made of.
        partition = next(partitions)
        for _ in range(sent, due):
            producer.produce(load.topic, next(values), key, partition)
        sent = due
        producer.poll(0)
        time.sleep(_STEP_SECONDS if load.per_second >= 1000 else 1 / load.per_second)
    producer.flush(30)
    sys.stdout.write(f"{first} {last} {sent}\n")


if __name__ == "__main__":
    main()
