"""Which real servers the tests use: containers of the official images, else the local stack."""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import docker_stack
import msgspec
from filelock import FileLock
from msgspec import Struct

import local_stack
from local_stack import Options

CHOICES = ("auto", "docker", "local")


class RealStack(Struct, frozen=True):
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


@contextmanager
def shared_stack(folder: Path, choice: str) -> Iterator[RealStack]:
    """One stack for all processes that share a folder: the first that needs it starts it, and at
    its end waits until the others need it no more, or have died.

    Raises:
        RuntimeError: as `real_stack`.
    """
    told = folder / "stack.json"
    starting = FileLock(folder / "stack.lock")
    with ExitStack() as own, (folder / "stack.users").open("w") as users:
        with starting:
            starts_it = not told.exists()
            if starts_it:
                told.write_bytes(msgspec.json.encode(own.enter_context(real_stack(choice))))
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield msgspec.json.decode(told.read_bytes(), type=RealStack)
        finally:
            if starts_it:
                with starting:
                    told.unlink()  # who comes later starts one anew
                fcntl.flock(users, fcntl.LOCK_EX)
