"""A real HTTP server between an indexer and Elasticsearch that misbehaves when it is told to."""

import threading
from collections import deque
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that was killed hangs up: no news."""


class Front:
    """Stands between the indexer and Elasticsearch and answers bulk requests as it is told.

    `script` holds answers for the next ones: a status is answered without asking Elasticsearch,
    "cut" passes the request on and hangs up instead of answering. `standing` is the answer to all
    that the script leaves over. While `down`, it hangs up on whatever comes.
    """

    def __init__(self, elasticsearch: str) -> None:
        self.script: deque[int | str] = deque()
        self.standing: int | None = None
        self.down = False
        self.refused = 0
        self._target = urlsplit(elasticsearch).netloc
        front = self

        class Request(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                front.answer(self)

            do_GET = do_PUT = do_POST = do_HEAD = answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Request)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Serve one request."""
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        bulk = request.path.startswith("/_bulk")
        order = (self.script.popleft() if self.script else self.standing) if bulk else None
        if self.down or isinstance(order, int):
            self.refused += 1
        if self.down:
            request.close_connection = True
            return
        if isinstance(order, int):
            self._reply(request, order, b'{"error":{"type":"told","reason":"told to"}}')
            return
        try:
            status, content = self._ask(request, body)
        except (OSError, HTTPException):  # Elasticsearch itself is gone
            self.refused += 1
            request.close_connection = True
            return
        if order == "cut":
            self.refused += 1
            request.close_connection = True
            return
        self._reply(request, status, content)

    def _ask(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(self._target, timeout=60)
        try:
            headers = {k: v for k, v in request.headers.items() if k.lower() != "host"}
            connection.request(request.command, request.path, body, headers)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    @staticmethod
    def _reply(request: BaseHTTPRequestHandler, status: int, content: bytes) -> None:
        request.send_response(status)
        request.send_header("content-type", "application/vnd.elasticsearch+json;compatible-with=8")
        request.send_header("x-elastic-product", "Elasticsearch")
        request.send_header("content-length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
