"""Free ports on the loopback interface."""

import random
import socket

from local_stack.errors import PortInUseError

LOOPBACK = "127.0.0.1"
# Below the range from which systems take the ports of outgoing connections: there, a client that
# keeps trying to reach a stopped server can connect to itself and so take the server's port.
_RANGE = range(20_000, 32_000)
_ATTEMPTS = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on the loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose_port(taken: set[int], preferred: int | None = None) -> int:
    """The preferred port if it is free, else any; never one of `taken`."""
    if preferred is not None and preferred not in taken and is_free(preferred):
        return preferred
    for port in random.sample(_RANGE, _ATTEMPTS):
        if port not in taken and is_free(port):
            return port
    raise PortInUseError(
        f"No free port found between {_RANGE.start} and {_RANGE.stop}: "
        "stop some of the programs that listen there, or ask for a port by number."
    )


def require_free(port: int, what: str) -> None:
    """Raise PortInUseError when a port that was asked for by number is taken."""
    if not is_free(port):
        raise PortInUseError(
            f"Port {port} for {what} is in use by another program: stop that program, "
            "choose another port, or name none to get a free one."
        )
