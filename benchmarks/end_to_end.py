"""From the producer to a document that can be found, at a steady rate for a minute."""

import subprocess
import time
from pathlib import Path

import numpy as np
from msgspec import Struct

from benchmarks.bed import Bed
from benchmarks.contestants import EXACTLY_ONCE, start, start_indexer
from benchmarks.latency import load_of
from benchmarks.processes import PROJECT, python
from benchmarks.workloads import Workload
from prediction_log.client import connect

RATES = (2_000.0, 5_000.0, 8_000.0, 12_000.0, 16_000.0, 20_000.0)
_EVERY_SECONDS = 0.25
_SETTLE_SECONDS = 60.0


class EndToEndRun(Struct, frozen=True):
    """Events that were sent and found. `p50` and `p99` are seconds from sending to finding;
    `backlog` is how many could not be found when the last one was sent."""

    per_second: float
    seconds: float
    sent: int
    found: int
    p50: float
    p99: float
    backlog: int

    @property
    def holds(self) -> bool:
        """Whether all was found, and nothing piled up: what Elasticsearch has not refreshed yet,
        which it does every second, is no pile."""
        return self.found == self.sent and self.backlog < 1.5 * self.per_second


def measure(
    bed: Bed, workload: Workload, per_second: float, seconds: float, folder: Path
) -> EndToEndRun:
    """Run worker (exactly once) and indexer as they are delivered under a steady load."""
    bed.truncate(bed.topics.features.name)
    client = connect(bed.settings, 1)
    index = f"{bed.settings.index_prefix}-predictions-*"

    def found() -> int:
        answer = client.options(ignore_status=(404, 503)).count(index=index)
        return int(answer.get("count", 0))

    worker = start(EXACTLY_ONCE, bed, workload.name, folder)
    indexer = start_indexer(bed, folder)
    try:
        bed.fill(workload, bed.settings.partitions)
        before = found()
        while found() < before + bed.settings.partitions:
            worker.require_running()
            indexer.require_running()
            time.sleep(_EVERY_SECONDS)
        before += bed.settings.partitions
        load = subprocess.Popen(
            python("benchmarks.load", load_of(bed, workload, per_second, seconds)),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
        )
        times: list[float] = []
        counts: list[int] = []
        ended: float | None = None
        sent = 0
        while ended is None or (counts[-1] < sent and time.monotonic() < ended + _SETTLE_SECONDS):
            time.sleep(_EVERY_SECONDS)
            times.append(time.time())
            counts.append(found() - before)
            if ended is None and load.poll() is not None:
                ended, at_end = time.monotonic(), counts[-1]
                assert load.stdout is not None
                first, _, sent = map(int, load.stdout.read().split())
    finally:
        worker.stop()
        indexer.stop()
        client.close()
    # The n-th event was sent at a known time, and the n-th document found between two looks.
    numbers = np.arange(1, counts[-1] + 1)
    delays = np.interp(numbers, counts, times) - (first / 1e6 + numbers / per_second)
    p50, p99 = np.percentile(delays, [50, 99]).tolist()
    return EndToEndRun(per_second, seconds, int(sent), counts[-1], p50, p99, int(sent) - at_end)
