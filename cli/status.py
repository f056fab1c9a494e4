"""`millrace status`: what runs, what is served, how far behind everything is."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from cli.options import BootstrapServers, Elasticsearch, Json
from cli.output import print_json, print_table, say
from contracts.errors import MillraceError
from contracts.settings import Settings, load_settings

if TYPE_CHECKING:
    from cli.lag import TopicState

T = TypeVar("T")


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
    services: dict[str, str]
    topics: list["TopicState"]
    models: list[ModelState]


def status(
    bootstrap_servers: BootstrapServers = None,
    elasticsearch: Elasticsearch = None,
    as_json: Json = False,
) -> None:
    """Show servers, services, topics with consumer lag, and the models being served.

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
    if found.services:
        print_table("Services", ("name", "state"), found.services.items())
    print_table(
        "Topics",
        ("topic", "records", "lag by consumer group"),
        (
            (t.name, f"{t.records:,}", ", ".join(f"{g}: {n:,}" for g, n in t.lag.items()))
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
    return Status(
        _servers(settings),
        _services(settings),
        _or_else(lambda: _topics(settings), []),
        _or_else(lambda: _models(settings), []),
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
        return "healthy"

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


def _services(settings: Settings) -> dict[str, str]:
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
    from trainer.control_topic import read_control

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
