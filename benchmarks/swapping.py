"""From `promote` and `rollback` to the last worker on the other version, under a steady load."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from pathlib import Path

import confluent_kafka as ck
import msgspec
from msgspec import Struct
from msgspec.structs import replace

from benchmarks.bed import Bed
from benchmarks.contestants import EXACTLY_ONCE, start, variables_of
from benchmarks.latency import load_of, reader_of
from benchmarks.processes import PROJECT, Watched, python
from benchmarks.workloads import Workload
from contracts.control_topic import read_control
from contracts.model_events import ModelEvent

WORKERS = 2
PER_SECOND = 1_000.0
LOADED, STANDBY = "promote, from the store", "rollback, standing by"
_STRETCH_SECONDS = 2.0
_EXIT_SECONDS = 0.2
_REST_SECONDS = 2.0
_WAIT_SECONDS = 120.0
_LONGEST_SECONDS = 3_600.0


class SwapRun(Struct, frozen=True):
    """One swap. Milliseconds from the record's arrival on the control topic, and from the start of
    the command, until the last worker says that it has swapped, and until the first prediction by
    the other version can be read.

    `gap_ms` is the longest time in which any one worker gave Kafka no prediction, in the two
    seconds from that record on; `quiet_ms` the same in the two seconds around the end of a command
    that only looks, since a command that runs beside the workers takes their cores. `lost` are
    events of the whole session that had no prediction in the end.
    """

    kind: str
    swapped_ms: float
    predicted_ms: float
    command_swapped_ms: float
    command_predicted_ms: float
    gap_ms: float
    quiet_ms: float
    lost: int = 0


class _Model(Struct):
    version: str


class _Answer(Struct):
    model: _Model
    worker: str


class Arrival(Struct, frozen=True):
    """A prediction that can be read, and when its worker gave it to Kafka; seconds since 1970.

    What a reader sees late says nothing of the worker, so gaps are counted by `given`.
    """

    at: float
    given: float
    version: str
    worker: str


def longest_gap(arrivals: Sequence[Arrival], begin: float, end: float) -> float:
    """The longest time between two predictions of one worker that reaches into a stretch, in
    seconds; all times are in seconds since 1970."""
    longest = 0.0
    for worker in {arrival.worker for arrival in arrivals}:
        times = sorted(a.given for a in arrivals if a.worker == worker)
        longest = max([longest, *(b - a for a, b in pairwise(times) if b > begin and a < end)])
    return longest


def measure(bed: Bed, workload: Workload, rounds: int, folder: Path) -> Iterator[SwapRun]:
    """Promote a new version and roll back from it, so many times.

    Raises:
        RuntimeError: a worker ended, a command failed, or a swap did not come about.
    """
    begin = sum(bed.ends(bed.topics.features.name).values())
    runs: list[SwapRun] = []
    workers = start(replace(EXACTLY_ONCE, processes=WORKERS), bed, workload.name, folder)
    try:
        with _predictions(bed) as arrivals:
            load = subprocess.Popen(
                python("benchmarks.load", load_of(bed, workload, PER_SECOND, _LONGEST_SECONDS)),
                cwd=PROJECT,
            )
            try:
                _wait(workers, lambda: len({a.worker for a in arrivals}) == WORKERS)
                time.sleep(_REST_SECONDS)
                for number in range(rounds + 1):
                    version = bed.add_version(workload, workload.name)
                    one = _swap(bed, workers, arrivals, LOADED, "promote", workload.name, version)
                    other = _swap(bed, workers, arrivals, STANDBY, "rollback", workload.name)
                    runs += [one, other] if number else []  # at first files and code are cold
            finally:
                load.terminate()
                load.wait()
            sent = sum(bed.ends(bed.topics.features.name).values()) - begin
            deadline = time.monotonic() + _WAIT_SECONDS
            while len(arrivals) < sent and time.monotonic() < deadline:
                time.sleep(0.1)
            lost = sent - len(arrivals)
    finally:
        workers.stop()
    yield from (replace(run, lost=lost) for run in runs)


def _swap(
    bed: Bed,
    workers: Watched,
    arrivals: Sequence[Arrival],
    kind: str,
    command: str,
    model: str,
    *version: str,
) -> SwapRun:
    _run(bed, "show", model, "--live")
    looked = time.time() - _EXIT_SECONDS
    time.sleep(2 * _STRETCH_SECONDS)
    began = time.time()
    _run(bed, command, model, *version, "--reason", "benchmark")
    record = read_control(bed.settings).records[-1]
    deployment = record.deployment
    assert deployment is not None
    appended, serves = record.at.timestamp(), deployment.champion.version
    _wait(workers, lambda: arrivals[-1].at > appended + 2 * _STRETCH_SECONDS)
    _wait(workers, lambda: any(a.version == serves and a.at > began for a in list(arrivals)))
    _wait(workers, lambda: len(_swapped(bed, deployment.sequence)) == WORKERS)
    swapped = max(_swapped(bed, deployment.sequence))
    found = list(arrivals)
    predicted = next(a.at for a in found if a.version == serves and a.at > appended)
    return SwapRun(
        kind,
        swapped_ms=(swapped - appended) * 1000,
        predicted_ms=(predicted - appended) * 1000,
        command_swapped_ms=(swapped - began) * 1000,
        command_predicted_ms=(predicted - began) * 1000,
        gap_ms=longest_gap(found, appended, appended + _STRETCH_SECONDS) * 1000,
        quiet_ms=longest_gap(found, looked, looked + _STRETCH_SECONDS) * 1000,
    )


def _run(bed: Bed, *command: str) -> None:
    subprocess.run(
        python("cli", "models", *command),
        cwd=PROJECT,
        env={**os.environ, **variables_of(bed.settings)},
        check=True,
        capture_output=True,
    )


@contextmanager
def _predictions(bed: Bed) -> Iterator[list[Arrival]]:
    """What can be read of `predictions` from now on; the list grows."""
    arrivals: list[Arrival] = []
    ended = threading.Event()
    decode = msgspec.json.Decoder(_Answer).decode

    def read() -> None:
        with closing(reader_of(bed)) as consumer:
            while not ended.is_set():
                first = consumer.poll(0.1)
                if first is None:
                    continue
                messages, now = [first, *consumer.consume(1000, 0)], time.time()
                for message in messages:
                    if message.error() is None:
                        answer, given = decode(message.value() or b""), message.timestamp()[1]
                        version, worker = answer.model.version, answer.worker
                        arrivals.append(Arrival(now, given / 1000, version, worker))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield arrivals
    finally:
        ended.set()
        thread.join()


def _swapped(bed: Bed, sequence: int) -> list[float]:
    """When workers say that they have swapped to a deployment, seconds since 1970."""
    options = {"bootstrap.servers": bed.settings.kafka, "group.id": "swapping"}
    found = []
    with closing(ck.Consumer({**options, "enable.partition.eof": True})) as consumer:
        consumer.assign([ck.TopicPartition(bed.topics.model_events.name, 0, 0)])
        while (message := consumer.poll(10.0)) is not None and message.error() is None:
            event = msgspec.json.decode(message.value() or b"", type=ModelEvent)
            if (event.event, event.sequence) == ("swapped", sequence):
                found.append(event.at.timestamp())
    return found


def _wait(workers: Watched, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        workers.require_running()
        if time.monotonic() > deadline:
            raise RuntimeError(f"no swap within {_WAIT_SECONDS:.0f} s, see {workers.log}")
        time.sleep(0.1)
