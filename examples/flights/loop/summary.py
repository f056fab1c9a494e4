"""What the loop was worth, for people and for scripts."""

from typing import Any

import msgspec
from rich.table import Table

from examples.flights.loop.arms import Arms
from examples.flights.loop.run import LoopOutcome


def as_object(outcome: LoopOutcome) -> dict[str, Any]:
    """The summary as one flat JSON object; months as `2013-06`."""
    audit, summer = outcome.audit, outcome.judgement.summer
    months = outcome.judgement.months
    return {
        "events": audit.events,
        "predictions": audit.predictions,
        "indexed": audit.indexed,
        "dead_letters": audit.dead_letters,
        "lost": audit.lost,
        "duplicated": audit.duplicated,
        "versions": audit.versions,
        "labels": outcome.labels,
        "auc_june_august": msgspec.to_builtins(summer.auc) if summer else None,
        "log_loss_june_august": msgspec.to_builtins(summer.log_loss) if summer else None,
        "f1_june_august": msgspec.to_builtins(summer.f1) if summer else None,
        "auc": {month: msgspec.to_builtins(one.auc) for month, one in months.items()},
        "log_loss": {month: msgspec.to_builtins(one.log_loss) for month, one in months.items()},
        "f1": {month: msgspec.to_builtins(one.f1) for month, one in months.items()},
        "alerts": outcome.trail.alerts,
        "retrainings": outcome.trail.retrainings,
        "refused": outcome.trail.refused,
        "false_alarms": outcome.trail.false_alarms,
        "stationary": outcome.stationary,
        "seconds": outcome.seconds,
    }


def as_table(outcome: LoopOutcome) -> Table:
    """The summary for a terminal: both arms beside each other."""
    table = Table(title="The loop, and a model that is never trained again")
    for title in ("", "labels", "AUC loop", "stale", "log loss loop", "stale", "F1 loop", "stale"):
        table.add_column(title, justify="right" if title else "left")
    judged = list(outcome.judgement.months.items())
    if outcome.judgement.summer:
        judged.append(("June to August", outcome.judgement.summer))
    for name, one in judged:
        table.add_row(
            name, f"{one.labelled:,}", *_cells(one.auc), *_cells(one.log_loss), *_cells(one.f1)
        )
    trail, audit = outcome.trail, outcome.audit
    alerts = ", ".join(f"{count} {kind}" for kind, count in trail.alerts.items()) or "none"
    table.caption = (
        f"{audit.events:,} events: {audit.lost} lost, {audit.duplicated} doubled. "
        f"Alerts: {alerts}; "
        f"retrainings {trail.retrainings}, of which the gate refused {trail.refused}; "
        f"false alarms {trail.false_alarms}. {outcome.seconds:.0f} s"
    )
    return table


def _cells(arms: Arms | None) -> tuple[str, str]:
    return (f"{arms.loop:.4f}", f"{arms.stale:.4f}") if arms else ("–", "–")
