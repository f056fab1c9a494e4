"""Kafka and Elasticsearch in containers of the official images, by testcontainers."""

import queue
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager

import docker
import requests
from docker.errors import DockerException, ImageNotFound
from docker_leftovers import owner_labels, remove_leftovers
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from contracts.errors import UnreachableError
from contracts.kafka import admin_client
from contracts.settings import load_settings

KAFKA_IMAGE = "apache/kafka:4.1.1"
ELASTICSEARCH_IMAGE = "docker.elastic.co/elasticsearch/elasticsearch:8.19.5"
IMAGES = f"{KAFKA_IMAGE}, {ELASTICSEARCH_IMAGE}"

_PULL_STALL_SECONDS = 20.0
_PULL_SECONDS = 300.0
_START_SECONDS = 120.0
_PULLED = "pulled"


class UnavailableError(Exception):
    """Containers cannot be had here; the message says why."""


@contextmanager
def session() -> Iterator[tuple[str, str]]:
    """Both servers for the length of a block: bootstrap servers, and Elasticsearch's URL.

    Raises:
        UnavailableError: no Docker, no images, or the containers do not become healthy.
    """
    with ExitStack() as containers:
        try:
            require_images(KAFKA_IMAGE, ELASTICSEARCH_IMAGE)
            host, elasticsearch = _start_elasticsearch(containers)
            servers = _start_kafka(containers, host), elasticsearch
        except (DockerException, requests.RequestException, OSError, TimeoutError) as error:
            raise UnavailableError(_gist(error)) from error
        yield servers


def require_images(*images: str) -> None:
    """Find or pull the images; decided within seconds where there is no Docker or no registry.

    Raises:
        UnavailableError: there is no Docker, or no such image.
    """
    try:
        client = docker.from_env(timeout=int(_PULL_STALL_SECONDS))
        client.ping()
    except (DockerException, requests.RequestException, OSError) as error:
        raise UnavailableError("Docker does not answer") from error
    with closing(client):
        remove_leftovers(client)
        for image in images:
            _require_image(client, image)
        try:
            if not testcontainers_config.ryuk_disabled:
                _require_image(client, testcontainers_config.ryuk_image)
        except UnavailableError:
            # Ryuk removes containers of a run that was killed; the tests themselves work without.
            testcontainers_config.ryuk_disabled = True


def _require_image(client: docker.DockerClient, image: str) -> None:
    try:
        client.images.get(image)
    except ImageNotFound:
        outcome = _pull(client, image)
        if outcome != _PULLED:
            raise UnavailableError(f"no image {image}: {outcome}") from None


def _pull(client: docker.DockerClient, image: str) -> str:
    """Pull for as long as there is progress, in a thread since a dead registry says nothing."""
    lines: queue.Queue[str] = queue.Queue()

    def work() -> None:
        name, _, tag = image.rpartition(":")
        try:
            for line in client.api.pull(name, tag, stream=True, decode=True):
                lines.put(line.get("error", ""))
            lines.put(_PULLED)
        except (DockerException, requests.RequestException, OSError) as error:
            lines.put(_gist(error))

    threading.Thread(target=work, daemon=True).start()
    deadline = time.monotonic() + _PULL_SECONDS
    while time.monotonic() < deadline:
        try:
            if outcome := lines.get(timeout=_PULL_STALL_SECONDS):
                return outcome
        except queue.Empty:
            return f"no progress for {_PULL_STALL_SECONDS:g} s"
    return f"not pulled within {_PULL_SECONDS:g} s"


def _start_elasticsearch(containers: ExitStack) -> tuple[str, str]:
    """Start it, and find out by which name the ports of containers are reached from here."""
    container = (
        DockerContainer(ELASTICSEARCH_IMAGE)
        .with_envs(
            **{
                "discovery.type": "single-node",
                "xpack.security.enabled": "false",
                "path.repo": "/tmp/snapshots",
                "cluster.routing.allocation.disk.threshold_enabled": "false",
                "ES_JAVA_OPTS": "-Xms768m -Xmx768m",
            }
        )
        .with_bind_ports(9200)
    )
    port = _started(containers, container, 9200)
    client = DockerClient()
    # When the tests run in a container themselves, "here" may be a sibling's or the daemon's host.
    hosts = dict.fromkeys(("127.0.0.1", client.host()))
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        for host in hosts:
            url = f"http://{host}:{port}"
            try:
                with urllib.request.urlopen(f"{url}/_cluster/health", timeout=5):
                    return host, url
            except OSError:
                continue
        time.sleep(0.2)
    raise TimeoutError(f"Elasticsearch is not healthy after {_START_SECONDS:g} s")


def _start_kafka(containers: ExitStack, host: str) -> str:
    """Start it on a port chosen before, since it must advertise its address from the start."""
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    container = (
        DockerContainer(KAFKA_IMAGE)
        .with_envs(
            KAFKA_NODE_ID="1",
            KAFKA_PROCESS_ROLES="broker,controller",
            KAFKA_CONTROLLER_QUORUM_VOTERS="1@localhost:9093",
            KAFKA_CONTROLLER_LISTENER_NAMES="CONTROLLER",
            KAFKA_INTER_BROKER_LISTENER_NAME="INSIDE",
            KAFKA_LISTENERS="OUTSIDE://:9092,INSIDE://:9094,CONTROLLER://:9093",
            KAFKA_ADVERTISED_LISTENERS=f"OUTSIDE://{host}:{port},INSIDE://localhost:9094",
            KAFKA_LISTENER_SECURITY_PROTOCOL_MAP=(
                "OUTSIDE:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT"
            ),
            KAFKA_AUTO_CREATE_TOPICS_ENABLE="false",
            KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR="1",
            KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS="8",
            KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR="1",
            KAFKA_TRANSACTION_STATE_LOG_MIN_ISR="1",
            KAFKA_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS="1000",
            KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS="0",
            KAFKA_HEAP_OPTS="-Xms512m -Xmx512m",
        )
        .with_bind_ports(9092, port)
    )
    _started(containers, container, 9092)
    servers = f"{host}:{port}"
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            admin_client(load_settings(bootstrap_servers=servers)).close()
            return servers
        except UnreachableError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"Kafka is not up after {_START_SECONDS:g} s") from None


def _started(containers: ExitStack, container: DockerContainer, port: int) -> int:
    containers.callback(container.stop)
    container.with_kwargs(labels=owner_labels()).start()
    return int(container.get_exposed_port(port))


def _gist(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
