"""An HTTP server that stands where Kibana does, and keeps what came."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = tuple[int, bytes]


class RecordingKibana:
    """Keeps what it was sent, and answers as it is told."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answers: Callable[[str], Answer] = lambda path: (
            200,
            b'{"success": true, "successCount": 4}',
        )
        self.requests: list[tuple[str, dict[str, str], bytes]] = []

    def uploaded(self) -> tuple[str | None, bytes]:
        """Name and content of the file in the last multipart body."""
        _, headers, body = self.requests[-1]
        head = f"Content-Type: {headers['content-type']}\r\n\r\n".encode()
        (part,) = BytesParser().parsebytes(head + body).get_payload()
        return part.get_filename(), part.get_payload(decode=True)


@contextmanager
def recording_kibana() -> Iterator[RecordingKibana]:
    """Serve until the block ends."""

    class Request(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            recording.requests.append((self.path, headers, body))
            status, answer = recording.answers(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    recording = RecordingKibana(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield recording
    server.shutdown()
    server.server_close()
