"""A real Kibana with its Elasticsearch, in containers of the official images."""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from docker.errors import DockerException
from docker_leftovers import owner_labels
from docker_stack import ELASTICSEARCH_IMAGE, UnavailableError, require_images
from requests import RequestException
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.network import Network

KIBANA_IMAGE = "docker.elastic.co/kibana/kibana:8.19.5"
USED: list[str] = []
"""What a run has used, for its last lines."""
_START_SECONDS = 300.0
_KEY = "only-for-tests-only-for-tests-only"


@contextmanager
def session() -> Iterator[tuple[str, str]]:
    """Both for the length of a block: URLs of Kibana and of its Elasticsearch.

    Raises:
        RuntimeError: they cannot be had here; never does a test pass for want of them.
    """
    with ExitStack() as running:
        try:
            require_images(ELASTICSEARCH_IMAGE, KIBANA_IMAGE)
            urls = _started(running)
        except (UnavailableError, DockerException, RequestException, TimeoutError) as error:
            raise RuntimeError(f"no real Kibana here: {error}") from error
        USED.append(f"{KIBANA_IMAGE}, {ELASTICSEARCH_IMAGE}")
        yield urls


def _started(running: ExitStack) -> tuple[str, str]:
    network = running.enter_context(Network())
    elasticsearch = (
        DockerContainer(ELASTICSEARCH_IMAGE)
        .with_envs(
            **{
                "discovery.type": "single-node",
                "xpack.security.enabled": "false",
                "cluster.routing.allocation.disk.threshold_enabled": "false",
                "ES_JAVA_OPTS": "-Xms768m -Xmx768m",
            }
        )
        .with_network(network)
        .with_network_aliases("elasticsearch")
        .with_exposed_ports(9200)
        .with_kwargs(labels=owner_labels())
    )
    kibana = (
        DockerContainer(KIBANA_IMAGE)
        .with_envs(
            ELASTICSEARCH_HOSTS="http://elasticsearch:9200",
            TELEMETRY_OPTIN="false",
            XPACK_ENCRYPTEDSAVEDOBJECTS_ENCRYPTIONKEY=_KEY,
        )
        .with_network(network)
        .with_exposed_ports(5601)
        .with_kwargs(labels=owner_labels())
    )
    # When the tests run in a container themselves, they reach others by another name.
    hosts = dict.fromkeys(("127.0.0.1", DockerClient().host()))
    below = _answering(running.enter_context(elasticsearch), 9200, "/_cluster/health", hosts)
    return _answering(running.enter_context(kibana), 5601, "/api/status", hosts), below


def _answering(container: DockerContainer, port: int, path: str, hosts: dict[str, None]) -> str:
    """The URL at which a container answers with 200; Kibana does once it is available."""
    deadline = time.monotonic() + _START_SECONDS
    published = container.get_exposed_port(port)
    while time.monotonic() < deadline:
        for host in hosts:
            url = f"http://{host}:{published}"
            try:
                with urllib.request.urlopen(f"{url}{path}", timeout=5):
                    return url
            except OSError:
                continue
        time.sleep(1)
    raise TimeoutError(f"nothing answers at port {published} within {_START_SECONDS:g} s")
