"""The HTTP endpoint of a service: `/health/live`, `/health/ready`, `/metrics`."""

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import msgspec
from prometheus_client import CollectorRegistry, make_wsgi_app

from contracts.errors import ConfigurationError
from contracts.operating.health import Health, Report

_EVERYWHERE = {"", "0.0.0.0"}
_JSON = (("Content-Type", "application/json"), ("Cache-Control", "no-store"))
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class Endpoint:
    """Serves in daemon threads; the port is taken as soon as this is made.

    Args:
        address: host:port; port 0 takes any that is free.

    Raises:
        ConfigurationError: the address cannot be had.
    """

    def __init__(self, address: str, health: Health, registry: CollectorRegistry) -> None:
        host, _, port = address.rpartition(":")
        application = _application(health, registry)
        try:
            self._server = make_server(host, int(port), application, _Server, _Request)
        except (OSError, OverflowError, ValueError) as error:
            raise ConfigurationError(
                f"MILLRACE_HTTP_ADDRESS: cannot serve at '{address}' ({error}); give host:port of "
                "this machine, with port 0 for any that is free"
            ) from error
        shown = socket.gethostname() if host in _EVERYWHERE else host
        self.url = f"http://{shown}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, name="http", daemon=True).start()

    def close(self) -> None:
        """Stop serving and give the port back."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Without the name of the host: asking for it can take seconds."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        host, self.server_port = self.socket.getsockname()[:2]
        self.server_name = str(host)
        self.setup_environ()

    def handle_error(self, *_: object) -> None:
        """Who hung up does not want to know."""


class _Request(WSGIRequestHandler):
    timeout = 10  # for those who connect and say nothing

    def log_message(self, *_: object) -> None:
        """Say nothing: probes ask every few seconds."""


def _application(health: Health, registry: CollectorRegistry) -> Callable[..., Iterable[bytes]]:
    metrics = make_wsgi_app(registry)

    def application(environ: dict[str, Any], start: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            found: Iterable[bytes] = metrics(environ, start)
            return found
        if path == "/health/live":
            return _answer(start, health.alive())
        if path == "/health/ready":
            return _answer(start, health.ready())
        start("404 Not Found", [*_JSON])
        return [b'{"paths":["/health/live","/health/ready","/metrics"]}']

    return application


def _answer(start: StartResponse, report: Report) -> Iterable[bytes]:
    start("200 OK" if report.healthy else "503 Service Unavailable", [*_JSON])  # it adds to them
    return [msgspec.json.encode(report)]
