"""What came out, read from Kafka afterwards: how much arrived when, and whether it is right."""

from collections.abc import Mapping

import confluent_kafka as ck
import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from benchmarks.bed import Bed

_TOLERANCE = 1e-6


class Arrivals(Struct, frozen=True):
    """Records of an output topic: arrival times in seconds since 1970, in order; how many were
    there twice, and how many differ from what the model says."""

    times: NDArray[np.float64]
    doubled: int
    wrong: int

    def rate(self, skipped: float = 0.1) -> tuple[float, float, float]:
        """Records per second after a share that is skipped and before the last tenth, and from
        when to when."""
        first, last = int(len(self.times) * skipped), int(len(self.times) * 0.9)
        begin, end = float(self.times[first]), float(self.times[last])
        # Records arrive in requests: those of the first one had arrived at its beginning.
        count = int(np.searchsorted(self.times, end) - np.searchsorted(self.times, begin))
        return count / (end - begin), begin, end


class _Answer(Struct):
    probabilities: dict[str, float]


class _Source(Struct):
    partition: int
    offset: int


class _Output(Struct):
    event_id: str
    prediction: _Answer
    source: _Source


_decode = msgspec.json.Decoder(_Output).decode


def read_outputs(
    bed: Bed, starts: Mapping[int, int], expected: NDArray[np.float64] | None
) -> Arrivals:
    """Read the topic `predictions` from `starts` to its end, as a reader of what is committed.

    Args:
        expected: probability of the last class for each row of the workload, which events take
            in turn; None: what came out has no predictions.
    """
    topic = bed.topics.predictions.name
    ends = bed.ends(topic)
    consumer = ck.Consumer(
        {
            "bootstrap.servers": bed.settings.kafka,
            "group.id": "reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 5,
        }
    )
    times: list[int] = []
    events: list[str] = []
    answers: list[float] = []
    consumer.assign([ck.TopicPartition(topic, n, start) for n, start in starts.items()])
    left = {n for n, start in starts.items() if start < ends[n]}
    while left:
        for message in consumer.consume(1000, 1.0):
            error = message.error()
            if error is not None:
                if error.code() != ck.KafkaError._PARTITION_EOF:
                    raise ck.KafkaException(error)
                left.discard(message.partition())
                continue
            times.append(message.timestamp()[1])
            if expected is not None:
                output = _decode(message.value() or b"")
                events.append(output.event_id)
                answers.append(list(output.prediction.probabilities.values())[-1])
    consumer.close()
    wrong = 0
    if expected is not None and events:
        numbers = np.array([int(event.rsplit("-", 1)[1]) for event in events])
        differences = np.abs(np.array(answers) - expected[numbers % len(expected)])
        wrong = int((differences > _TOLERANCE).sum())
    return Arrivals(np.sort(np.array(times)) / 1e3, len(events) - len(set(events)), wrong)
