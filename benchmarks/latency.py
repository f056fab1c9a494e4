"""From the producer's clock to the arrival of the prediction at a consumer, at steady rates."""

import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import confluent_kafka as ck
import msgspec
import numpy as np
from msgspec import Struct

from benchmarks.bed import Bed
from benchmarks.contestants import Contestant, group_of, start
from benchmarks.load import Load
from benchmarks.processes import PROJECT, Watched, python
from benchmarks.workloads import Workload

_WARM_UP_SECONDS = 3.0
_START_SECONDS = 60.0
_SETTLE_SECONDS = 2.0
_PILE_MS = 1000.0


class LatencyRun(Struct, frozen=True):
    """Latencies in milliseconds of the events that were sent after the first seconds.

    `late` is how many of all events were not answered two seconds after the last was sent, and
    `reached` what the sender sent per second.
    """

    workload: str
    contestant: str
    per_second: float
    events: int
    p50: float
    p99: float
    p999: float
    late: int
    reached: float

    @property
    def holds(self) -> bool:
        """Whether nothing piled up: a backlog shows as events that wait ever longer."""
        return not self.late and self.p99 < _PILE_MS and self.reached > 0.95 * self.per_second


def measure(
    bed: Bed,
    workload: Workload,
    contestant: Contestant,
    per_second: float,
    seconds: float,
    folder: Path,
    variables: Mapping[str, str] | None = None,
) -> LatencyRun:
    """Run a contestant under a steady load; `features` is emptied first.

    Raises:
        RuntimeError: it ended by itself, or does not answer.
    """
    bed.truncate(bed.topics.features.name)
    bed.forget_group(group_of(contestant, bed))
    consumer = reader_of(bed)
    process = start(contestant, bed, workload.name, folder, **(variables or {}))
    try:
        _answer_first(bed, workload, consumer, process)
        whole = seconds + _WARM_UP_SECONDS
        load = subprocess.Popen(
            python("benchmarks.load", load_of(bed, workload, per_second, whole)),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
        )
        sent, arrived = _read(consumer, load)
    finally:
        process.stop()
        consumer.close()
    bed.truncate(bed.topics.predictions.name)
    assert load.stdout is not None
    first, last, wanted = map(int, load.stdout.read().split())
    latencies = (arrived - sent)[sent >= first + _WARM_UP_SECONDS * 1e6] / 1e3
    p50, p99, p999 = np.percentile(latencies, [50, 99, 99.9]).tolist()
    return LatencyRun(
        workload.name,
        contestant.name,
        per_second,
        len(latencies),
        p50,
        p99,
        p999,
        max(0, wanted - len(sent)),
        wanted / (last - first) * 1e6,
    )


def sweep(
    step: float, most: float, measure_at: Callable[[float], LatencyRun]
) -> tuple[float, list[LatencyRun]]:
    """Raise the rate step by step until one does not hold; the highest that did, and all runs.

    A rate that does not hold is tried once more: on a busy machine a second may be lost anywhere.
    """
    runs: list[LatencyRun] = []
    highest, rate = 0.0, step
    while rate <= most:
        tries = [measure_at(rate)]
        if not tries[0].holds:
            tries.append(measure_at(rate))
        runs += tries
        if not tries[-1].holds:
            break
        highest, rate = rate, rate + step
    return highest, runs


def _read(consumer: ck.Consumer, load: "subprocess.Popen[bytes]") -> tuple[np.ndarray, np.ndarray]:
    """When records were sent and when they came back, microseconds, until all is quiet."""
    sent: list[bytes] = []
    arrived: list[int] = []
    ended: float | None = None
    while ended is None or time.monotonic() < ended + _SETTLE_SECONDS:
        first = consumer.poll(0.1)
        if first is not None:
            messages = [first, *consumer.consume(5000, 0)]
            now = time.time_ns() // 1000
            keys = [m.key() or b"0" for m in messages if m.error() is None]
            sent += keys
            arrived += [now] * len(keys)
        if ended is None and load.poll() is not None:
            ended = time.monotonic()
    return np.array(sent, dtype="S20").astype(np.int64), np.array(arrived, dtype=np.int64)


def reader_of(bed: Bed) -> ck.Consumer:
    """A consumer of the predictions that come from now on."""
    topic = bed.topics.predictions.name
    consumer = ck.Consumer(
        {
            "bootstrap.servers": bed.settings.kafka,
            "group.id": "latency",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 1,
            "fetch.wait.max.ms": 5,
        }
    )
    consumer.assign([ck.TopicPartition(topic, n, end) for n, end in bed.ends(topic).items()])
    return consumer


def _answer_first(bed: Bed, workload: Workload, consumer: ck.Consumer, process: Watched) -> None:
    """Send one event to each partition until all of them have been answered."""
    producer = ck.Producer({"bootstrap.servers": bed.settings.kafka})
    [(_, value)] = workload.messages(1)
    for number in range(bed.settings.partitions):
        producer.produce(bed.topics.features.name, value, b"0", number)
    producer.flush()
    answered: set[int | None] = set()
    deadline = time.monotonic() + _START_SECONDS
    while len(answered) < bed.settings.partitions:
        process.require_running()
        message = consumer.poll(1.0)
        if message is not None and message.error() is None:
            answered.add(message.partition())
        if time.monotonic() > deadline:
            raise RuntimeError("no answer to the first events")


def load_of(bed: Bed, workload: Workload, per_second: float, seconds: float) -> str:
    """The argument of `benchmarks.load`."""
    load = Load(
        bed.settings.kafka,
        bed.topics.features.name,
        bed.settings.partitions,
        workload.name,
        per_second,
        seconds,
    )
    return msgspec.json.encode(load).decode()
