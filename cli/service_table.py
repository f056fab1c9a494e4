"""How a service is shown in a table for people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cli.running_services import ServiceState

SERVICE_COLUMNS = (
    *("service", "member", "health", "events/s", "lag", "p50 / p99 ms", "models", "memory", "up"),
    "address",
)


def service_row(state: "ServiceState") -> Sequence[object]:
    """One line; an empty cell is what is not known."""
    stats = state.stats
    latency = f"{stats.latency.p50:,.1f} / {stats.latency.p99:,.1f}" if stats.latency else ""
    return (
        stats.service,
        stats.member,
        state.health,
        f"{stats.records_per_second:,.0f}",
        "" if stats.lag is None else f"{stats.lag:,}",
        latency,
        ", ".join(f"{m.model} {m.version} {m.role}" for m in stats.models),
        f"{stats.memory_bytes / 2**20:,.0f} MiB",
        duration((stats.at - stats.started_at).total_seconds()),
        stats.address,
    )


def duration(seconds: float) -> str:
    """The two largest units: 3d 4h, 5h 6m, 7m 8s."""
    days, rest = divmod(int(seconds), 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (left, "s")]
    first = next((n for n, (value, _) in enumerate(parts) if value), 3)
    return " ".join(f"{value}{unit}" for value, unit in parts[first : first + 2])
