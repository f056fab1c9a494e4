"""Documents per second: the indexer against requests prepared beforehand, and against what the
Elasticsearch client's own helpers make of the same documents."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import confluent_kafka as ck
import msgspec
import numpy as np
from elasticsearch import Elasticsearch, helpers
from msgspec import Struct

from benchmarks.bed import Bed
from benchmarks.contestants import start_indexer
from contracts.kafka import consumer_group, topic_ids
from elk.bulk_answers import SUMMARY_PATH
from elk.consumed import Consumed, from_message
from elk.consumer import consumer_settings
from elk.records import Transcriber
from prediction_log.client import connect
from prediction_log.template import install_template

_EVERY_SECONDS = 0.1
_START_SECONDS = 60.0
_HEADERS = {"accept": "application/json", "content-type": "application/x-ndjson"}
_CREATED = "_all.primaries.indexing.index_total"

WAYS = ("indexer", "raw _bulk", "raw _bulk, records read", "helpers.parallel_bulk")


class IndexingRun(Struct, frozen=True):
    """One way of indexing the same documents; `cpu_us` is that of the process that sends them,
    per document, 0 where that is this program itself."""

    way: str
    documents: int
    per_second: float
    cpu_us: float


class Prepared:
    """The predictions on the topic as the lines of bulk requests, made before the clock runs."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        settings = bed.settings
        self.client = connect(settings, settings.bulk_in_flight)
        transcriber = Transcriber(
            settings,
            bed.topics,
            topic_ids(settings, [topic.name for topic in bed.topics.all()]),
        )
        self._lines = {(r.partition, r.offset): transcriber.lines(r) for r in _read(bed)}
        self.lines = list(self._lines.values())

    def index(self, way: str, folder: Path) -> IndexingRun:
        """Index all of them one way, into indices that are not there before nor after."""
        settings = self.bed.settings
        pattern = f"{settings.index_prefix}-*"
        install_template(settings)
        with Created(connect(settings, 1), pattern, len(self.lines)) as created:
            if way == "indexer":
                used = self._by_indexer(created, folder)
            elif way == "raw _bulk":
                used = self._by_hand(created, list(_cut(self.lines, settings.bulk_documents)))
            elif way == "raw _bulk, records read":
                used = self._by_hand(created, self._read_again())
            else:
                used = self._by_helpers(created)
        rate, since, until = created.rate()
        for index in self.client.indices.get(index=f"{settings.index_prefix}-predictions-*"):
            self.client.indices.delete(index=index)
        return IndexingRun(
            way, created.seen, rate, used(since, until) / (rate * (until - since)) * 1e6
        )

    def _by_indexer(self, created: "Created", folder: Path) -> Callable[[float, float], float]:
        settings = self.bed.settings
        self.bed.forget_group(consumer_group(settings, "indexer"))
        process = start_indexer(self.bed, folder)
        try:
            created.wait(process.require_running)
        finally:
            process.stop()
        return lambda since, until: process.cpu_at(until) - process.cpu_at(since)

    def _by_hand(
        self, created: "Created", bodies: Iterable[bytes]
    ) -> Callable[[float, float], float]:
        room = threading.Semaphore(self.bed.settings.bulk_in_flight + 1)

        def send(body: bytes) -> None:
            try:
                self.client.perform_request(
                    "POST", f"/_bulk?filter_path={SUMMARY_PATH}", headers=_HEADERS, body=body
                )
            finally:
                room.release()

        with ThreadPoolExecutor(self.bed.settings.bulk_in_flight) as threads:
            sent = [threads.submit(send, body) for body in bodies if room.acquire()]
        for one in sent:
            one.result()
        created.wait(lambda: None)
        return lambda since, until: 0.0

    def _read_again(self) -> Iterator[bytes]:
        """The same requests, each made when its records have come from Kafka: what an indexer would
        cost that has nothing to do."""
        read = ((r.partition, r.offset) for r in _read(self.bed))
        return _cut(map(self._lines.__getitem__, read), self.bed.settings.bulk_documents)

    def _by_helpers(self, created: "Created") -> Callable[[float, float], float]:
        def actions() -> Iterator[dict[str, object]]:
            for line in self.lines:
                action, document, _ = line.split(b"\n")
                yield {
                    "_op_type": "create",
                    **msgspec.json.decode(action)["create"],
                    "_source": msgspec.json.decode(document),
                }

        # As dictionaries, which is what the helpers take; made before the clock runs too.
        prepared = list(actions())
        for _ in helpers.parallel_bulk(
            self.client,
            prepared,
            thread_count=self.bed.settings.bulk_in_flight,
            chunk_size=self.bed.settings.bulk_documents,
            max_chunk_bytes=8 * 1024 * 1024,
        ):
            pass
        created.wait(lambda: None)
        return lambda since, until: 0.0


class Created:
    """Counts documents as Elasticsearch writes them, without a refresh."""

    def __init__(self, client: Elasticsearch, pattern: str, wanted: int) -> None:
        self._client, self._pattern, self._wanted = client, pattern, wanted
        self._samples: list[tuple[float, int]] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self.seen = 0

    def __enter__(self) -> "Created":
        self._before = self._count()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()

    def wait(self, check: Callable[[], None]) -> None:
        """Wait until all are there; raises RuntimeError if they are not in time."""
        deadline = time.monotonic() + _START_SECONDS
        known = -1
        while self.seen < self._wanted:
            check()
            if self.seen != known:
                known, deadline = self.seen, time.monotonic() + _START_SECONDS
            if time.monotonic() > deadline:
                raise RuntimeError(f"{self.seen} of {self._wanted} documents were written")
            time.sleep(_EVERY_SECONDS)

    def rate(self) -> tuple[float, float, float]:
        """Documents per second between the first and the last tenth, and from when to when."""
        times, counts = zip(*itertools.dropwhile(lambda s: not s[1], self._samples), strict=True)
        edges = [self._wanted * 0.1, self._wanted * 0.9]
        first, last = np.interp(edges, counts, times).tolist()
        return self._wanted * 0.8 / (last - first), first, last

    def _sample(self) -> None:
        while not self._stopped.wait(_EVERY_SECONDS):
            count = self._count() - self._before
            self._samples.append((time.time(), count))
            self.seen = count

    def _count(self) -> int:
        stats = self._client.options(ignore_status=404).indices.stats(
            index=self._pattern, metric="indexing", filter_path=_CREATED
        )
        found = stats.get("_all")
        return found["primaries"]["indexing"]["index_total"] if found else 0


def _cut(lines: Iterable[bytes], size: int) -> Iterator[bytes]:
    rest = iter(lines)
    while body := b"".join(itertools.islice(rest, size)):
        yield body


def _read(bed: Bed) -> Iterator[Consumed]:
    topic = bed.topics.predictions.name
    consumer = ck.Consumer(
        {**consumer_settings(bed.settings), "group.id": "r", "enable.partition.eof": False}
    )
    ends = bed.ends(topic)
    consumer.assign([ck.TopicPartition(topic, n, ck.OFFSET_BEGINNING) for n in ends])
    left = sum(ends.values())
    while left:
        for message in consumer.consume(min(left, 1000), 5.0):
            left -= 1
            yield from_message(message)
    consumer.close()
