"""The account at the end of the demonstration, for people and for scripts."""

from typing import Any

import msgspec
from rich.table import Table

from examples.flights.demo import Outcome


def as_object(outcome: Outcome) -> dict[str, Any]:
    """The summary as one flat JSON object."""
    audit = outcome.audit
    return {
        "events": audit.events,
        "predictions": audit.predictions,
        "indexed": audit.indexed,
        "dead_letters": audit.dead_letters,
        "lost": audit.lost,
        "duplicated": audit.duplicated,
        "redelivered": audit.redelivered,
        "versions": audit.versions,
        "latency_ms": audit.latency_ms,
        "reasons": audit.reasons,
        "labels": outcome.labels,
        "auc": {version: quality.auc for version, quality in audit.quality.items()},
        "log_loss": {version: quality.log_loss for version, quality in audit.quality.items()},
        "swap": msgspec.to_builtins(outcome.swap),
        "seconds": outcome.seconds,
        "replay_seconds": outcome.replay_seconds,
    }


def as_table(outcome: Outcome) -> Table:
    """The summary for a terminal."""
    audit, swap = outcome.audit, outcome.swap
    table = Table(title="Counted in Kafka and Elasticsearch", show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")

    def row(name: str, value: object, remark: str = "") -> None:
        table.add_row(name, f"{value:,}" if isinstance(value, int) else str(value), remark)

    row("events", audit.events, f"{outcome.malformed} of them malformed on purpose")
    row("predictions", audit.predictions, f"{audit.redelivered} delivered again")
    row("documents", audit.indexed)
    reasons = ", ".join(f"{reason} {count}" for reason, count in audit.reasons.items())
    row("dead letters", audit.dead_letters, reasons)
    row("lost", audit.lost)
    row("doubled", audit.duplicated)
    table.add_section()
    latency = ", ".join(f"{name} {value:.1f}" for name, value in audit.latency_ms.items())
    row("latency, ms", latency, "send time to prediction")
    row("swap", f"{swap.before} → {swap.after}", f"serving {swap.seconds} s after its publication")
    table.add_section()
    for version, documents in audit.versions.items():
        quality = audit.quality.get(version)
        judged = (
            f"AUC {quality.auc}, log loss {quality.log_loss} on {quality.labelled:,} labels"
            if quality
            else ""
        )
        row(f"version {version}", documents, judged)
    table.add_section()
    row("seconds", outcome.seconds, f"{outcome.replay_seconds} of them replaying")
    return table
