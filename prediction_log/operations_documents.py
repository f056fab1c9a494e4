"""The `_source` of an operations document: how one process was doing over some seconds."""

from datetime import datetime

from msgspec import Struct

from contracts.events import Source
from contracts.service_stats import ServiceStats
from prediction_log.documents import TIMESTAMP, Identity


class OperatedService(Struct, frozen=True):
    """Which process tells."""

    name: str
    version: str
    address: str
    started_at: datetime


class Milliseconds(Struct, frozen=True):
    """Percentiles of the latency."""

    p50_ms: float
    p95_ms: float
    p99_ms: float


class Operations(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Counts are those of the interval; `waiting_for` names what keeps it from being ready."""

    ready: bool
    waiting_for: tuple[str, ...] = ()
    interval_seconds: float
    records: int
    records_per_second: float
    batches: int
    mean_batch: float | None = None
    lag: int | None = None
    partitions: int
    retries: int
    dead_letters: int
    swaps: int
    rejected_deployments: int
    models: tuple[str, ...] = ()
    latency: Milliseconds | None = None
    memory_bytes: int
    open_files: int
    threads: int
    cpu_seconds: float


class OperationsDocument(Struct, frozen=True, kw_only=True, rename=TIMESTAMP):
    """The figures of one process; `kafka` is the place of their record."""

    timestamp: datetime
    worker: Identity
    service: OperatedService
    operations: Operations
    kafka: Source


def from_service_stats(stats: ServiceStats, source: Source) -> OperationsDocument:
    """Build the document; `models` are written as "flights 2 champion"."""
    latency = stats.latency
    return OperationsDocument(
        timestamp=stats.at,
        worker=Identity(stats.member),
        service=OperatedService(stats.service, stats.version, stats.address, stats.started_at),
        operations=Operations(
            ready=stats.ready,
            waiting_for=tuple(sorted(stats.not_ready)),
            interval_seconds=stats.interval_seconds,
            records=stats.records,
            records_per_second=stats.records_per_second,
            batches=stats.batches,
            mean_batch=stats.mean_batch,
            lag=stats.lag,
            partitions=stats.partitions,
            retries=sum(stats.retries.values()),
            dead_letters=sum(stats.dead_letters.values()),
            swaps=stats.swaps.get("swapped", 0),
            rejected_deployments=stats.swaps.get("rejected", 0),
            models=tuple(f"{m.model} {m.version} {m.role}" for m in stats.models),
            latency=Milliseconds(latency.p50, latency.p95, latency.p99) if latency else None,
            memory_bytes=stats.memory_bytes,
            open_files=stats.open_files,
            threads=stats.threads,
            cpu_seconds=stats.cpu_seconds,
        ),
        kafka=source,
    )
