"""The table of retention in docs/disaster.md: `python -m contracts.retention_table`."""

import sys
from collections.abc import Iterator

from contracts.settings import Settings
from contracts.topics import DAY_MS, Topic, Topics

_SETTINGS = {
    "features": "MILLRACE_RETENTION_FEATURES_DAYS",
    "predictions": "MILLRACE_RETENTION_PREDICTIONS_DAYS",
    "predictions.shadow": "MILLRACE_RETENTION_PREDICTIONS_DAYS",
    "labels": "MILLRACE_RETENTION_LABELS_DAYS",
    "features.waiting": "MILLRACE_RETENTION_DEAD_LETTERS_DAYS",
    "dead-letters": "MILLRACE_RETENTION_DEAD_LETTERS_DAYS",
}
_HEAD = "| topic | partitions | replicas | kept | cleanup | setting |\n|---|---|---|---|---|---|\n"


def table() -> str:
    """Markdown, as the default settings give it."""
    settings = Settings.model_construct()
    rows = (_row(topic, settings) for topic in Topics(settings).all())
    return _HEAD + "".join(f"| {' | '.join(row)} |\n" for row in rows)


def _row(topic: Topic, settings: Settings) -> Iterator[str]:
    retention = int(topic.config["retention.ms"])
    setting = _SETTINGS.get(topic.name)
    yield f"`{topic.name}`"
    yield str(topic.partitions)
    yield str(settings.replication_factor)
    yield "for ever" if retention < 0 else _days(retention / DAY_MS)
    yield topic.config.get("cleanup.policy", "delete")
    yield f"`{setting}`" if setting else "–"


def _days(number: float) -> str:
    return f"{number:g} day" + "s" * (number != 1)


if __name__ == "__main__":
    sys.stdout.write(table())
