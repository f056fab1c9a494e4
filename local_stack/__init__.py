"""A real Kafka and a real Elasticsearch as child processes, without Docker or a system Java."""

from local_stack.errors import LocalStackError
from local_stack.lifecycle import (
    ServerStatus,
    StackStatus,
    down,
    running_stack,
    session,
    status,
    up,
)
from local_stack.options import Options
from local_stack.stack import ServerHandle, Stack

__all__ = [
    "LocalStackError",
    "Options",
    "ServerHandle",
    "ServerStatus",
    "Stack",
    "StackStatus",
    "down",
    "running_stack",
    "session",
    "status",
    "up",
]
