"""Topics as Kafka has them against their declaration (pure)."""

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from cli.diagnosis.findings import Finding, error, ok, warning
from contracts.topics import FOR_EVER, Topic

CHECK = "topics"
_AT_LEAST = ("max.message.bytes", "retention.ms", "retention.bytes")
_UNLIMITED = ("retention.ms", "retention.bytes")


class FoundTopic(Struct, frozen=True):
    """A topic as Kafka has it: partitions, settings, and what its ACLs let us do."""

    partitions: int
    config: Mapping[str, str]
    allowed: frozenset[str]


def check_topics(
    declared: Iterable[Topic], events: str, found: Mapping[str, FoundTopic]
) -> Iterator[Finding]:
    """Judge every topic.

    Args:
        declared: as they should be.
        events: name of the topic that the outputs must have as many partitions as.
    """
    wanted = found[events].partitions if events in found else 0
    for topic in declared:
        if topic.name not in found:
            yield error(CHECK, f"topic {topic.name} does not exist", "run 'millrace setup'")
            continue
        there = found[topic.name]
        problems = [*_partitions(topic, there, wanted), *_settings(topic, there)]
        yield from problems
        if "DESCRIBE" not in there.allowed:
            yield warning(
                "permissions",
                f"we may not describe topic {topic.name}",
                "grant DESCRIBE (deploy/kafka/acls.toml)",
            )
        if not problems:
            yield ok(CHECK, f"{topic.name} is as declared, {there.partitions} partitions")


def _partitions(topic: Topic, there: FoundTopic, wanted: int) -> Iterator[Finding]:
    if topic.partitions == 1 and there.partitions != 1:
        yield error(
            CHECK,
            f"{topic.name} has {there.partitions} partitions; its order needs exactly one",
            "move its records to a new topic with one partition; a topic cannot shrink",
        )
    if topic.partitions > 1 and there.partitions < wanted:
        yield error(
            CHECK,
            f"{topic.name} has {there.partitions} partitions, the events have {wanted}: workers "
            "will not start",
            f"kafka-topics.sh --alter --topic {topic.name} --partitions {wanted}",
        )


def _settings(topic: Topic, there: FoundTopic) -> Iterator[Finding]:
    declared = {"cleanup.policy": "delete", **topic.config}
    for name, value in declared.items():
        actual = there.config.get(name)
        if actual is None or actual == value:
            continue
        what = f"{topic.name} has {name}={actual}, declared is {value}"
        todo = (
            f"kafka-configs.sh --alter --entity-type topics --entity-name {topic.name} "
            f"--add-config {name}={value}"
        )
        yield (
            error(CHECK, what, todo)
            if _harmful(name, actual, value)
            else warning(CHECK, what, todo)
        )


def _harmful(name: str, actual: str, declared: str) -> bool:
    """Whether records are refused or lost by it; more room and longer retention only cost."""
    if name not in _AT_LEAST:
        return name == "cleanup.policy"
    if name in _UNLIMITED and FOR_EVER in (actual, declared):
        return actual != FOR_EVER
    return int(actual) < int(declared)
