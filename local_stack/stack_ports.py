"""Which ports a stack listens on: those it had before if they are still free."""

from pathlib import Path

import msgspec

from local_stack.elasticsearch_server import ElasticsearchPorts
from local_stack.kafka_server import KafkaPorts
from local_stack.options import Options
from local_stack.ports import choose_port, require_free
from local_stack.supervision_files import read_file, replace_file


class StackPorts(msgspec.Struct, frozen=True):
    """All ports of one stack."""

    kafka: KafkaPorts
    elasticsearch: ElasticsearchPorts


def choose_stack_ports(options: Options, data: Path, avoid: set[int]) -> StackPorts:
    """Choose ports that are free now, none of `avoid`, and remember them beside the data.

    Raises PortInUseError when one that was asked for by number is taken.
    """
    for port, what in (
        (options.kafka_port, "Kafka"),
        (options.elasticsearch_port, "Elasticsearch"),
    ):
        if port is not None:
            require_free(port, what)
    asked = {options.kafka_port, options.elasticsearch_port} - {None}
    taken = {*avoid, *(port for port in asked if port is not None)}

    def choose(before: int | None) -> int:
        port = choose_port(taken, before)
        taken.add(port)
        return port

    before = read_file(data / "ports.json", StackPorts)
    extra = before.kafka.extra if before else {}
    ports = StackPorts(
        KafkaPorts(
            options.kafka_port or choose(before.kafka.client if before else None),
            choose(before.kafka.controller if before else None),
            {name: choose(extra.get(name)) for name in options.kafka_listeners},
        ),
        ElasticsearchPorts(
            options.elasticsearch_port or choose(before.elasticsearch.http if before else None),
            choose(before.elasticsearch.transport if before else None),
        ),
    )
    replace_file(data / "ports.json", ports)
    return ports
