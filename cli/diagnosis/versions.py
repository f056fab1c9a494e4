"""Versions of servers, clients and libraries: do they fit each other (pure)."""

from collections.abc import Iterator, Mapping

from cli.diagnosis.findings import Finding, error, ok, warning

CHECK = "versions"
OLDEST_KAFKA = (3, 0)
"""Transactions fenced by the group's generation (KIP-447) and topic ids (KIP-516)."""


def check_kafka(version: tuple[int, ...]) -> Iterator[Finding]:
    """Judge the broker's version, as far as its protocol tells."""
    shown = ".".join(map(str, version))
    if version < OLDEST_KAFKA:
        wanted = ".".join(map(str, OLDEST_KAFKA))
        yield error(CHECK, f"Kafka is {shown}", f"exactly-once needs Kafka {wanted} or newer")
    else:
        yield ok(CHECK, f"Kafka {shown}")


def check_elasticsearch(servers: set[str], client: str) -> Iterator[Finding]:
    """Judge Elasticsearch's nodes against the client library: the major must be the same."""
    majors = {server.partition(".")[0] for server in servers}
    if majors != {client.partition(".")[0]}:
        yield error(
            CHECK,
            f"Elasticsearch is {', '.join(sorted(servers))}, its client here is {client}",
            "run the same major version on both sides",
        )
    elif len(servers) > 1:
        yield warning(
            CHECK,
            f"nodes of Elasticsearch differ: {', '.join(sorted(servers))}",
            "finish the upgrade",
        )
    else:
        yield ok(CHECK, f"Elasticsearch {', '.join(servers)}, client {client}")


def check_services(versions: Mapping[str, str], here: str) -> Iterator[Finding]:
    """Judge the services that run against the command."""
    for member, version in versions.items():
        if version != here:
            yield warning(
                CHECK,
                f"{member} is Millrace {version}, this command is {here}",
                "finish the upgrade: restart it with the new version",
            )
