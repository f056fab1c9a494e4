"""Whether containers can be had is decided quickly, and said clearly where they cannot."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import docker_stack
import pytest
from docker_leftovers import owner_labels, remove_leftovers
from docker_stack import UnavailableError
from real_stack import real_stack


class DockerWithoutImages:
    """Stands in for a Docker daemon that has no image and pulls as it is told."""

    def __init__(self) -> None:
        self.pull_answer: bytes | None = b""
        self.ended = threading.Event()


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerWithoutImages]:
    daemon = DockerWithoutImages()

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if "/containers/json" in self.path:
                self._answer(200, b"[]")
            elif self.path.endswith("/json"):
                self._answer(404, b'{"message": "no such image"}')
            else:
                self._answer(200, json.dumps({"ApiVersion": "1.44"}).encode())

        def do_POST(self) -> None:
            if daemon.pull_answer is None:
                daemon.ended.wait(30)
            self._answer(200, daemon.pull_answer or b"")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    monkeypatch.setenv("DOCKER_HOST", f"tcp://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield daemon
    daemon.ended.set()
    server.shutdown()
    server.server_close()


def test_no_docker_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(UnavailableError, match="Docker does not answer"), docker_stack.session():
        pass


def test_who_insists_on_containers_gets_no_local_stack(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    with pytest.raises(RuntimeError, match="no containers: Docker"), real_stack("docker"):
        pass


def test_a_registry_that_refuses_is_told_in_its_words(daemon: DockerWithoutImages) -> None:
    daemon.pull_answer = b'{"error": "dial tcp: no such host"}\r\n'
    with pytest.raises(UnavailableError, match=r"kafka.*: dial tcp"), docker_stack.session():
        pass


def test_a_registry_that_says_nothing_is_given_up(
    daemon: DockerWithoutImages, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.pull_answer = None
    monkeypatch.setattr(docker_stack, "_PULL_STALL_SECONDS", 1.0)
    with pytest.raises(UnavailableError, match="no progress for 1 s"), docker_stack.session():
        pass


class Container:
    """As much of a container as its removal needs."""

    def __init__(self, **changed: str) -> None:
        self.labels = owner_labels() | {f"millrace.tests.{k}": v for k, v in changed.items()}
        self.removed = False

    def remove(self, **_: object) -> None:
        self.removed = True


def test_containers_of_a_killed_run_are_removed_and_those_of_a_living_one_kept() -> None:
    mine, reused_pid, ended = Container(), Container(identity="earlier"), Container(pid="99999999")
    containers = SimpleNamespace(list=lambda **_: [mine, reused_pid, ended])
    remove_leftovers(SimpleNamespace(containers=containers))
    assert (mine.removed, reused_pid.removed, ended.removed) == (False, True, True)
