"""`millrace status`: what runs, what is served, how far behind everything is."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, print_table, say
from cli.service_table import SERVICE_COLUMNS, service_row
from contracts.errors import MillraceError
from contracts.settings import Settings, load_settings

if TYPE_CHECKING:
    from cli.lag import TopicState
    from cli.running_services import ServiceState

T = TypeVar("T")

HEALTHY = "healthy"


class ServerState(Struct, frozen=True):
    """Kafka or Elasticsearch."""

    name: str
    address: str
    state: str


class ModelState(Struct, frozen=True):
    """The deployment in force for a model."""

    name: str
    version: str
    sequence: int
    author: str
    documents: int | None


class Status(Struct, frozen=True):
    """All that `millrace status` tells."""

    servers: list[ServerState]
    services: list["ServiceState"]
    processes: dict[str, str]
    topics: list["TopicState"]
    models: list[ModelState]


def status(
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    as_json: Json = False,
) -> None:
    """Show servers, services with health and speed, topics with consumer lag, and the models.

    Services on other machines are shown as well. `processes` are those that the demonstration
    left running here.

    Example: `millrace status --json | jq .topics`
    """
    settings = load_settings(bootstrap_servers=bootstrap_servers, elasticsearch=elasticsearch)
    found = gather(settings)
    if as_json:
        print_json(found)
        return
    print_table(
        "Servers",
        ("name", "address", "state"),
        ((s.name, s.address, s.state) for s in found.servers),
    )
    print_table("Services", SERVICE_COLUMNS, map(service_row, found.services))
    if found.processes:
        print_table("Started here", ("name", "state"), found.processes.items())
    print_table(
        "Topics",
        # The markers that end transactions have offsets, too.
        ("topic", "offsets", "lag by consumer group"),
        (
            (t.name, f"{t.offsets:,}", ", ".join(f"{g}: {n:,}" for g, n in t.lag.items()))
            for t in found.topics
        ),
    )
    print_table(
        "Models",
        ("model", "version", "sequence", "by", "documents"),
        ((m.name, m.version, m.sequence, m.author, m.documents) for m in found.models),
    )


def gather(settings: Settings) -> Status:
    """Ask everything that answers; what does not is shown as unreachable."""
    servers = _servers(settings)
    # Each question would wait for a Kafka that is away as long as the first did.
    kafka = servers[0].state == HEALTHY
    return Status(
        servers,
        _services(settings, kafka),
        _processes(settings),
        _or_else(lambda: _topics(settings), []) if kafka else [],
        _or_else(lambda: _models(settings), []) if kafka else [],
    )


def _or_else(ask: Callable[[], T], otherwise: T) -> T:
    try:
        return ask()
    except MillraceError as error:
        say(str(error))
        return otherwise


def _servers(settings: Settings) -> list[ServerState]:
    from contracts.kafka import admin_client
    from prediction_log.client import connect

    def kafka() -> str:
        admin_client(settings).close()
        return HEALTHY

    def elasticsearch() -> str:
        return str(connect(settings).cluster.health(timeout="2s")["status"])

    states = []
    for name, address, ask in (
        ("kafka", settings.kafka, kafka),
        ("elasticsearch", settings.elasticsearch_url, elasticsearch),
    ):
        try:
            state = ask()
        except Exception:  # whatever the client raises, the answer is the same
            state = "unreachable"
        states.append(ServerState(name, address, state))
    return states


def _services(settings: Settings, kafka: bool) -> list["ServiceState"]:
    from cli.running_services import running_services

    return running_services(settings, datetime.now(UTC), ask_kafka=kafka)


def _processes(settings: Settings) -> dict[str, str]:
    from local_stack.services import list_services

    return {
        service.name: f"running, pid {service.pid}"
        if service.pid
        else f"ended with {service.exit_code}, see {service.log}"
        for service in list_services(settings.project_dir)
    }


def _topics(settings: Settings) -> list["TopicState"]:
    from cli.lag import topic_states

    return topic_states(settings)


def _models(settings: Settings) -> list[ModelState]:
    from contracts.control_topic import read_control

    log = read_control(settings, quick=True).log
    newest = [(name, log.newest(name)) for name in sorted(log.history)]
    return [
        ModelState(name, d.champion.version, d.sequence, d.author, _documents(settings, name))
        for name, d in newest
        if d is not None
    ]


def _documents(settings: Settings, model: str) -> int | None:
    from prediction_log.client import connect, translated
    from prediction_log.indices import IndexNames

    client = connect(settings, connections=1)
    try:
        with translated(settings):
            pattern = IndexNames(settings).pattern("predictions", model)
            return int(client.count(index=pattern)["count"])
    except MillraceError:
        return None
    finally:
        client.close()
