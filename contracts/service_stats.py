"""How a service is doing, told by itself every few seconds. Topic `service-stats`."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct


class Percentiles(Struct, frozen=True):
    """Milliseconds, read from the buckets of a histogram: exact to within one bucket."""

    p50: float
    p95: float
    p99: float


class VersionInService(Struct, frozen=True):
    """A model version that a worker has loaded, and in which role."""

    model: str
    version: str
    role: str


class ServiceStats(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One process over the `interval_seconds` before `at`. Keyed by `member`.

    Counts are those of the interval. `latency` runs from the send time of a record until it was
    scored (worker) or its document was written (indexer); None if there were no records. `lag` is
    None until something was read. `address` is the URL of its health and metrics. `swaps` counts
    model events by kind, `dead_letters` by reason, `retries` by what was repeated.
    """

    service: str
    member: str
    at: datetime
    started_at: datetime
    interval_seconds: float
    version: str
    address: str
    ready: bool
    not_ready: Mapping[str, str] = {}
    records: int = 0
    records_per_second: float = 0.0
    batches: int = 0
    mean_batch: float | None = None
    latency: Percentiles | None = None
    lag: int | None = None
    partitions: int = 0
    retries: Mapping[str, int] = {}
    dead_letters: Mapping[str, int] = {}
    swaps: Mapping[str, int] = {}
    models: tuple[VersionInService, ...] = ()
    memory_bytes: int = 0
    open_files: int = 0
    threads: int = 0
    cpu_seconds: float = 0.0
