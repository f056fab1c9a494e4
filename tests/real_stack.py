"""Which real servers the tests use: containers of the official images, else the local stack."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import docker_stack

import local_stack
from local_stack import Options

CHOICES = ("auto", "docker", "local")


@dataclass(frozen=True)
class RealStack:
    """A Kafka and an Elasticsearch for the tests; `note` tells how they were chosen."""

    kind: str
    bootstrap_servers: str
    elasticsearch: str
    note: str


@contextmanager
def real_stack(choice: str) -> Iterator[RealStack]:
    """Start both servers as chosen, and end them with the block.

    Raises:
        RuntimeError: the choice is unknown, or what was chosen does not work here. Never does a
            test that needs servers pass for want of them.
    """
    if choice not in CHOICES:
        raise RuntimeError(f"MILLRACE_TEST_STACK is '{choice}': say one of {', '.join(CHOICES)}")
    note = "as MILLRACE_TEST_STACK says"
    with ExitStack() as running:
        if choice != "local":
            try:
                servers = running.enter_context(docker_stack.session())
            except docker_stack.UnavailableError as error:
                if choice == "docker":
                    raise RuntimeError(f"no containers: {error}") from error
                note = str(error)
            else:
                yield RealStack("testcontainers", *servers, docker_stack.IMAGES)
                return
        stack = running.enter_context(local_stack.session(None, Options(short_lived=True)))
        versions = ", ".join(f"{name} {version}" for name, version in stack.versions.items())
        yield RealStack(
            "local stack",
            stack.kafka.endpoint,
            stack.elasticsearch.endpoint,
            f"{versions}; {note}",
        )
