"""Who trains and publishes: the name that manifests, deployments and model events carry."""

import getpass
import os
import socket


def author() -> str:
    """The user and host of this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
