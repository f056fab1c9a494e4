"""Data views reach Kibana as its import takes them, once per kind of document."""

import json
import threading
from collections.abc import Iterator
from email.parser import BytesParser
from fnmatch import fnmatch
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from contracts.errors import MillraceError, UnreachableError
from contracts.settings import load_settings
from elk.kibana import __main__ as command
from elk.kibana.data_views import as_ndjson, data_views
from elk.kibana.importing import import_objects
from prediction_log.template import template_body


class ImportEndpoint:
    """Stands in for Kibana: keeps what it was sent, and answers as it is told."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.status = 200
        self.answer = b'{"success": true, "successCount": 4}'
        self.path = ""
        self.headers: dict[str, str] = {}
        self.body = b""

    def uploaded(self) -> tuple[str | None, bytes]:
        """Name and content of the file in the multipart body."""
        head = f"Content-Type: {self.headers['content-type']}\r\n\r\n".encode()
        message = BytesParser().parsebytes(head + self.body)
        (part,) = message.get_payload()
        return part.get_filename(), part.get_payload(decode=True)


@pytest.fixture
def kibana() -> Iterator[ImportEndpoint]:
    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            endpoint.path = self.path
            endpoint.headers = {k.lower(): v for k, v in self.headers.items()}
            endpoint.body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(endpoint.status)
            self.end_headers()
            self.wfile.write(endpoint.answer)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    endpoint = ImportEndpoint(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield endpoint
    server.shutdown()
    server.server_close()


def test_every_view_covers_a_pattern_of_the_index_template(no_variables: None) -> None:
    settings = load_settings(index_prefix="mine")
    patterns = template_body(settings)["index_patterns"]
    for view in data_views(settings):
        assert any(fnmatch(view.attributes.title, pattern) for pattern in patterns)


def test_a_view_has_the_form_of_kibana_s_own_exports(no_variables: None) -> None:
    first = json.loads(as_ndjson(data_views(load_settings())).splitlines()[0])
    assert first["type"] == "index-pattern"
    assert first["coreMigrationVersion"] == "8.8.0"
    assert first["typeMigrationVersion"] == "8.0.0"
    assert first["references"] == []
    assert first["attributes"]["title"] == "millrace-predictions-*"
    assert first["attributes"]["timeFieldName"] == "@timestamp"
    for name in ("fields", "fieldAttrs", "fieldFormatMap", "runtimeFieldMap", "sourceFilters"):
        json.loads(first["attributes"][name])


def test_the_import_is_a_file_that_replaces_what_was_there(
    kibana: ImportEndpoint, no_variables: None
) -> None:
    ndjson = as_ndjson(data_views(load_settings()))
    assert import_objects(load_settings(), kibana.url + "/", ndjson) == 4
    assert kibana.path == "/api/saved_objects/_import?overwrite=true"
    assert kibana.headers["kbn-xsrf"]
    name, content = kibana.uploaded()
    assert (name or "").endswith(".ndjson")
    assert content.strip() == ndjson.strip()


def test_a_refusal_is_told_in_kibana_s_words(kibana: ImportEndpoint) -> None:
    kibana.status, kibana.answer = 400, b'{"message": "no such thing"}'
    with pytest.raises(MillraceError, match="no such thing"):
        import_objects(load_settings(), kibana.url, b"{}\n")


def test_a_partial_import_is_a_failure(kibana: ImportEndpoint) -> None:
    kibana.answer = b'{"success": false, "successCount": 1, "errors": [{"id": "bad-one"}]}'
    with pytest.raises(MillraceError, match="bad-one"):
        import_objects(load_settings(), kibana.url, b"{}\n")


def test_something_else_than_kibana_is_told(kibana: ImportEndpoint) -> None:
    kibana.answer = b"<html>hello</html>"
    with pytest.raises(UnreachableError, match="does not answer as one"):
        import_objects(load_settings(), kibana.url, b"{}\n")


def test_without_its_address_the_command_says_what_to_set(
    no_variables: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main() == 2
    assert "set MILLRACE_KIBANA" in capsys.readouterr().err


def test_the_command_reports_what_is_there(
    kibana: ImportEndpoint,
    no_variables: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MILLRACE_KIBANA", kibana.url)
    assert command.main() == 0
    assert "4 data views" in capsys.readouterr().out
