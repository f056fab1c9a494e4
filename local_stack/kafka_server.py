"""Kafka: one KRaft node that is broker and controller, on the loopback interface."""

import base64
import uuid
from collections.abc import Mapping
from pathlib import Path

import msgspec

from local_stack.account import private_directory, private_file
from local_stack.install import Programs
from local_stack.options import Options
from local_stack.ports import LOOPBACK
from local_stack.server import Place, Server, child_of, prepare, temporary_directory

NAME = "kafka"
_PLAIN = "PLAINTEXT"
_CONTROLLER = "CONTROLLER"
_LARGEST_MESSAGE_BYTES = 10 * 1024 * 1024
_STOP_SECONDS = 12.0
_JVM = (
    "-Xms512m",
    "-Xmx512m",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
)
_LOG4J = """\
<Configuration status="error" shutdownHook="disable">
 <Appenders>
  <Console name="console"><PatternLayout pattern="[%d] %p %m (%c)%n"/></Console>
 </Appenders>
 <Loggers><Root level="info"><AppenderRef ref="console"/></Root></Loggers>
</Configuration>
"""


class KafkaPorts(msgspec.Struct, frozen=True):
    """The ports Kafka listens on; `extra` by listener name."""

    client: int
    controller: int
    extra: dict[str, int] = {}

    def all(self) -> set[int]:
        """Every port."""
        return {self.client, self.controller, *self.extra.values()}


def kafka_settings(
    ports: KafkaPorts,
    directory: Path,
    protocols: Mapping[str, str],
    extra: Mapping[str, str],
) -> dict[str, str]:
    """The broker's settings; `protocols` are those of the extra listeners, `extra` wins."""
    listeners = {_PLAIN: ports.client, **ports.extra}
    addresses = [f"{name}://{LOOPBACK}:{port}" for name, port in listeners.items()]
    security = {_PLAIN: "PLAINTEXT", _CONTROLLER: "PLAINTEXT", **protocols}
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{LOOPBACK}:{ports.controller}",
        "controller.listener.names": _CONTROLLER,
        "inter.broker.listener.name": _PLAIN,
        "listeners": ",".join([*addresses, f"{_CONTROLLER}://{LOOPBACK}:{ports.controller}"]),
        "advertised.listeners": ",".join(addresses),
        "listener.security.protocol.map": ",".join(f"{k}:{v}" for k, v in security.items()),
        "log.dirs": str(directory / "data"),
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "8",
        # What a killed process left open is aborted within a second of its timeout, not of ten.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "group.initial.rebalance.delay.ms": "0",
        # A broker that was killed may only come back when its old session has timed out.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "message.max.bytes": str(_LARGEST_MESSAGE_BYTES),
        "replica.fetch.max.bytes": str(_LARGEST_MESSAGE_BYTES),
        **extra,
    }


def properties(settings: Mapping[str, str]) -> str:
    """Settings in Java's properties format; a value may hold line breaks (a PEM key does)."""
    return "".join(
        f"{name}={value.replace(chr(92), chr(92) * 2).replace(chr(10), chr(92) + 'n')}\n"
        for name, value in settings.items()
    )


def kafka_server(
    programs: Programs,
    place: Place,
    ports: KafkaPorts,
    options: Options,
) -> Server:
    """Write the settings and, the first time, format the data directory (about a second)."""
    directory = private_directory(place.directory, place.account)
    settings = properties(
        kafka_settings(ports, directory, options.kafka_listeners, options.kafka_settings)
    )
    config = private_file(directory / "server.properties", settings, place.account)
    log4j = private_file(directory / "log4j2.xml", _LOG4J, place.account)
    temporary = temporary_directory(place)
    java = [
        str(programs.java_home / "bin" / "java"),
        *_JVM,
        *options.java,
        f"-Djava.io.tmpdir={temporary}",
        f"-Dlog4j2.configurationFile={log4j}",
        "-cp",
        ":".join(str(jar) for jar in programs.kafka_jars),
    ]
    if not (directory / "data" / "meta.properties").exists():
        _format(java, config, place)
    child = child_of(NAME, place, directory, [*java, "kafka.Kafka", str(config)], {}, _STOP_SECONDS)
    endpoint = f"{LOOPBACK}:{ports.client}"
    return Server(NAME, child, endpoint, lambda: answers(endpoint))


def _format(java: list[str], config: Path, place: Place) -> None:
    # A letter first: an id that begins with a hyphen would be taken for an option.
    cluster = "M" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
    argv = [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(config)]
    tool = child_of(NAME, place, place.directory, argv, {}, _STOP_SECONDS)
    prepare(tool, "Preparing Kafka's data directory")


def answers(endpoint: str, seconds: float = 1.0) -> bool:
    """Whether the broker answers a metadata request and knows itself as a broker."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient

    client = AdminClient(
        {
            "bootstrap.servers": endpoint,
            "log_level": 0,
            "broker.address.family": "v4",
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 50,
        }
    )
    try:
        return bool(client.list_topics(timeout=seconds).brokers)
    except KafkaException:
        return False
