"""An address at which nobody listens, until it leads to a server."""

import contextlib
import shutil
import socket
import socketserver
import threading


class Forwarder:
    """`address` refuses connections until `open` is called; it is kept for us meanwhile."""

    def __init__(self, target: str) -> None:
        host, _, port = target.rpartition(":")
        self._target = host, int(port)
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self._port = self._reserved.getsockname()[1]
        self.address = f"127.0.0.1:{self._port}"
        self._server: socketserver.ThreadingTCPServer | None = None

    def open(self) -> None:
        """Pass on what comes from now on."""
        target = self._target

        class Connection(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with contextlib.suppress(OSError), socket.create_connection(target) as server:
                    threading.Thread(target=_copy, args=(server, self.request), daemon=True).start()
                    _copy(self.request, server)

        self._reserved.close()
        server = socketserver.ThreadingTCPServer(
            ("127.0.0.1", self._port), Connection, bind_and_activate=False
        )
        server.allow_reuse_address = server.daemon_threads = True
        server.server_bind()
        server.server_activate()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._server = server

    def close(self) -> None:
        """Refuse connections again, for good."""
        self._reserved.close()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError), source.makefile("rb", 0) as read:
        shutil.copyfileobj(read, target.makefile("wb", 0))
        target.shutdown(socket.SHUT_WR)
