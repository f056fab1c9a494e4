"""From two readings of the metrics to the figures of the time between them (pure)."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from prometheus_client import CollectorRegistry

from contracts.operating.health import Report
from contracts.service_stats import Percentiles, ServiceStats, VersionInService

Labels = frozenset[tuple[str, str]]


class Reading(Struct, frozen=True):
    """All samples of a registry at a moment: name -> labels -> value."""

    at: datetime
    samples: Mapping[str, Mapping[Labels, float]]

    def total(self, name: str) -> float:
        """The sum over all labels."""
        return sum(self.samples.get(name, {}).values())

    def by(self, name: str, label: str) -> dict[str, float]:
        """The sums by one label."""
        sums: dict[str, float] = {}
        for labels, value in self.samples.get(name, {}).items():
            key = dict(labels).get(label, "")
            sums[key] = sums.get(key, 0.0) + value
        return sums


def read(registry: CollectorRegistry, at: datetime) -> Reading:
    """Take all samples of a registry."""
    samples: dict[str, dict[Labels, float]] = {}
    for family in registry.collect():
        for sample in family.samples:
            samples.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return Reading(at, samples)


def figures(
    service: str,
    member: str,
    version: str,
    address: str,
    ready: Report,
    before: Reading,
    now: Reading,
) -> ServiceStats:
    """What happened between two readings, and how things stand at the second."""
    seconds = max((now.at - before.at).total_seconds(), 1e-3)
    records = _more("millrace_records_total", before, now)
    batches = _more("millrace_batch_records_count", before, now)
    lag = now.samples.get("millrace_lag_records")
    return ServiceStats(
        service=service,
        member=member,
        at=now.at,
        started_at=datetime.fromtimestamp(now.total("process_start_time_seconds"), now.at.tzinfo),
        interval_seconds=round(seconds, 3),
        version=version,
        address=address,
        ready=ready.healthy,
        not_ready={n: c.detail for n, c in ready.conditions.items() if not c.holds},
        records=int(records),
        records_per_second=round(records / seconds, 3),
        batches=int(batches),
        mean_batch=round(records / batches, 3) if batches else None,
        latency=_percentiles(before, now),
        lag=int(sum(lag.values())) if lag else None,
        partitions=int(now.total("millrace_assigned_partitions")),
        retries=_more_by("millrace_retries_total", "of", before, now),
        dead_letters=_more_by("millrace_dead_letters_total", "reason", before, now),
        swaps=_more_by("millrace_model_changes_total", "change", before, now),
        models=tuple(
            VersionInService(*(dict(labels)[name] for name in ("model", "version", "role")))
            for labels in now.samples.get("millrace_model_version_info", {})
        ),
        memory_bytes=int(now.total("process_resident_memory_bytes")),
        open_files=int(now.total("process_open_fds")),
        threads=int(now.total("process_threads")),
        cpu_seconds=round(_more("process_cpu_seconds_total", before, now), 3),
    )


def percentile(share: float, bounds: Sequence[float], counts: Sequence[float]) -> float:
    """A percentile from a histogram, as Prometheus' `histogram_quantile` gives it.

    Args:
        share: in (0, 1].
        bounds: n upper bounds, ascending, the last one infinite.
        counts: n numbers of values, each in its own bucket.

    Returns:
        By linear interpolation within the bucket; in the last one, its lower bound.
    """
    rank, below = share * sum(counts), 0.0
    for number, (bound, count) in enumerate(zip(bounds, counts, strict=True)):
        lower = bounds[number - 1] if number else 0.0
        if count and below + count >= rank:
            if bound == float("inf"):
                return lower
            return lower + (bound - lower) * (rank - below) / count
        below += count
    return 0.0


def _percentiles(before: Reading, now: Reading) -> Percentiles | None:
    name = "millrace_latency_seconds_bucket"
    earlier, later = before.by(name, "le"), now.by(name, "le")
    bounds = sorted(later, key=float)
    cumulative = [later[bound] - earlier.get(bound, 0.0) for bound in bounds]
    if not cumulative or not cumulative[-1]:
        return None
    counts = [n - m for n, m in zip(cumulative, [0.0, *cumulative[:-1]], strict=True)]
    limits = [float(bound) for bound in bounds]
    return Percentiles(
        *(round(1000 * percentile(share, limits, counts), 3) for share in (0.5, 0.95, 0.99))
    )


def _more(name: str, before: Reading, now: Reading) -> float:
    return now.total(name) - before.total(name)


def _more_by(name: str, label: str, before: Reading, now: Reading) -> dict[str, int]:
    earlier = before.by(name, label)
    more = {key: int(n - earlier.get(key, 0.0)) for key, n in now.by(name, label).items()}
    return {key: count for key, count in more.items() if count}
