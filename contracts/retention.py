"""How long Kafka keeps a record, and how a topic differs from its declaration (pure)."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from contracts.topics import Topic

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


class TopicState(Struct, frozen=True):
    """A topic as Kafka has it; `config` are its settings, those not given are the defaults."""

    partitions: int
    replication_factor: int
    config: Mapping[str, str] = {}


class Deviation(Struct, frozen=True):
    """A setting of a topic that is not as declared, and what that leads to."""

    topic: str
    setting: str
    declared: str
    found: str
    consequence: str


def gone_by(config: Mapping[str, str], now: datetime) -> datetime | None:
    """When the last record that a topic holds now is deleted at the latest; None: never.

    Kafka deletes whole segments once their newest record is older than `retention.ms`. The segment
    that is written now may go on for `segment.ms`, and clients may date records ahead.
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


def deviations(declared: Topic, replication_factor: int, found: TopicState) -> Iterator[Deviation]:
    """How a topic differs from its declaration, in what matters. More partitions, more replicas
    and room for larger records are no harm."""

    def differs(setting: str, wanted: object, is_: object, consequence: str) -> Deviation:
        return Deviation(declared.name, setting, str(wanted), str(is_), consequence)

    if found.partitions < declared.partitions:
        yield differs(
            "partitions", declared.partitions, found.partitions,
            "workers refuse to start where an output topic has fewer than `features`",
        )  # fmt: skip
    elif declared.partitions == 1 < found.partitions:
        yield differs(
            "partitions", 1, found.partitions, "the order of its records is the order of one log"
        )
    if found.replication_factor < replication_factor:
        yield differs(
            "replication.factor", replication_factor, found.replication_factor,
            "records are lost with fewer brokers than intended",
        )  # fmt: skip
    for setting, wanted in declared.config.items():
        value = found.config.get(setting, KAFKA_DEFAULTS.get(setting, ""))
        if consequence := _consequence(setting, wanted, value):
            yield differs(setting, wanted, value or "Kafka's default", consequence)


def _consequence(setting: str, wanted: str, found: str) -> str | None:
    if setting == "cleanup.policy":
        if found == wanted:
            return None
        return "compaction drops records that decide what counts, such as earlier deployments"
    if not setting.startswith(("retention.", "segment.", "max.message")):
        return None if found == wanted else "it is not as declared"
    if setting == "segment.ms":
        return (
            "erased data stays in Kafka for longer than is told" if _less(wanted, found) else None
        )
    if not _less(found, wanted):
        return None
    if setting.startswith("retention"):
        return "records are deleted sooner, so a rebuild brings fewer documents back"
    return "records that came in are refused on their way out"


def _less(one: str, other: str) -> bool:
    """Whether a limit is lower; -1 is none at all, and so is what Kafka leaves out."""

    def limit(text: str) -> float:
        return float("inf") if text in ("", "-1") else float(text)

    return limit(one) < limit(other)
