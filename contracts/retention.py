"""How long Kafka keeps a record at most (pure)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

KAFKA_DEFAULTS: Mapping[str, str] = {
    "cleanup.policy": "delete",
    "retention.ms": str(7 * 24 * 3600 * 1000),
    "segment.ms": str(7 * 24 * 3600 * 1000),
    "message.timestamp.after.max.ms": str(3600 * 1000),
}
"""Those of Kafka 4 (https://kafka.apache.org/41/configuration/topic-configs/)."""
CHECKS = timedelta(minutes=10)
"""Between a segment being due and its file being gone: `log.retention.check.interval.ms` and
`file.delete.delay.ms`, rounded up."""


def gone_by(config: Mapping[str, str], now: datetime) -> datetime | None:
    """When the last record that a topic holds now is deleted at the latest; None: never.

    Kafka deletes whole segments once their newest record is older than `retention.ms`. The segment
    that is written now may go on for `segment.ms`, and clients may date records ahead.

    Args:
        config: the topic's settings; those not in it are Kafka's defaults.
    """
    settings = {**KAFKA_DEFAULTS, **config}
    retention = int(settings["retention.ms"])
    if retention < 0 or "delete" not in settings["cleanup.policy"].split(","):
        return None
    ahead = int(settings["message.timestamp.after.max.ms"])
    milliseconds = retention + int(settings["segment.ms"]) + ahead
    try:
        return now + timedelta(milliseconds=milliseconds) + CHECKS
    except OverflowError:
        return None
