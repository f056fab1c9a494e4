"""Containers of test runs that were killed: the next run on this machine removes them.

Ryuk does that at once, but its image cannot be had everywhere.
"""

import os
import socket

import docker
from docker.errors import DockerException

from local_stack.process_identity import is_alive, own_identity

_HOST, _PID, _IDENTITY = "millrace.tests.host", "millrace.tests.pid", "millrace.tests.identity"


def owner_labels() -> dict[str, str]:
    """Labels that tell which process a container belongs to."""
    return {_HOST: socket.gethostname(), _PID: str(os.getpid()), _IDENTITY: own_identity()}


def remove_leftovers(client: docker.DockerClient) -> None:
    """Remove the containers of this machine whose owners have ended."""
    mine = {"label": f"{_HOST}={socket.gethostname()}"}
    for container in client.containers.list(all=True, filters=mine):
        if not is_alive(int(container.labels[_PID]), container.labels[_IDENTITY]):
            try:
                container.remove(force=True, v=True)
            except DockerException:
                continue  # another run was quicker
