"""Where the console listens, and by which names browsers may call it."""

import ipaddress
import socket

from contracts.errors import ConfigurationError
from contracts.settings import Settings

USUAL_PORT = 5610
_LOOPBACK = "127.0.0.1"
_LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})


def listen(settings: Settings) -> socket.socket:
    """A socket that listens at the address of the settings; without one on the loopback interface
    at port 5610, or at any free one where that is taken.

    Raises:
        ConfigurationError: the address cannot be had.
    """
    address = settings.console_address
    if address is None:
        try:
            return _bound(_LOOPBACK, USUAL_PORT)
        except OSError:
            return _bound(_LOOPBACK, 0)
    host, _, port = address.rpartition(":")
    try:
        return _bound(host.strip("[]") or _LOOPBACK, int(port))
    except (OSError, OverflowError, UnicodeError) as error:
        raise ConfigurationError(
            f"MILLRACE_CONSOLE_ADDRESS: cannot listen at '{address}' ({error}); give host:port of "
            "this machine, with port 0 for any that is free"
        ) from error


def url(listening: socket.socket) -> str:
    """The URL that people on this machine open."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = _LOOPBACK
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def beyond_loopback(listening: socket.socket) -> bool:
    """Whether other machines may reach it."""
    return not ipaddress.ip_address(listening.getsockname()[0]).is_loopback


def names(settings: Settings, listening: socket.socket) -> frozenset[str]:
    """The names by which it may be called; a page of a stranger, whose name leads here all of a
    sudden (DNS rebinding), calls it by another."""
    configured = (name.strip().lower() for name in settings.console_hosts.split(","))
    return _LOOPBACK_NAMES | {listening.getsockname()[0], *filter(None, configured)}


def host_name(header: str) -> str:
    """The name in a `Host` header, without port and brackets, in small letters."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
    except BaseException:
        made.close()
        raise
    return made
