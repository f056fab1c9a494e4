"""What is read from a server's log, and what is written into its settings."""

from pathlib import Path

import pytest

from local_stack.elasticsearch_server import ElasticsearchPorts, elasticsearch_settings
from local_stack.kafka_server import KafkaPorts, kafka_settings, properties
from local_stack.log_gist import log_gist, says_port_taken

OLD = "[t] ERROR an old failure\n"
NEW = """\
[t] INFO starting
[t] ERROR the data directory is locked
java.lang.IllegalStateException: locked
\tat org.example.Main.main(Main.java:1)
[t] INFO bye
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "server.log"
    path.write_text(OLD + NEW)
    return path


def test_the_gist_is_the_telling_lines_of_this_start(log: Path) -> None:
    gist = log_gist(log, len(OLD))
    assert "the data directory is locked | java.lang.IllegalStateException: locked" in gist
    assert "old failure" not in gist
    assert "INFO" not in gist
    assert "\n" not in gist


def test_the_gist_of_a_log_without_errors_is_its_end(tmp_path: Path) -> None:
    path = tmp_path / "server.log"
    path.write_text("one\ntwo\n")
    assert log_gist(path, 0) == "one | two"


def test_the_gist_of_a_log_that_is_missing_says_so(tmp_path: Path) -> None:
    assert log_gist(tmp_path / "none", 0) == "it wrote nothing"


def test_a_log_that_was_begun_anew_is_read_from_its_start(log: Path) -> None:
    assert "locked" in log_gist(log, 10_000)


def test_a_port_taken_meanwhile_is_recognised(log: Path) -> None:
    assert not says_port_taken(log, 0)
    log.write_text("org.apache.kafka.common.KafkaException: Address already in use\n")
    assert says_port_taken(log, 0)


def test_kafka_listens_on_the_loopback_interface_only() -> None:
    ports = KafkaPorts(1, 2, {"SECURE": 3})
    settings = kafka_settings(ports, Path("/d"), {"SECURE": "SASL_SSL"}, {})
    listeners = settings["listeners"].split(",")
    assert all("://127.0.0.1:" in listener for listener in listeners)
    assert "SECURE://127.0.0.1:3" in settings["advertised.listeners"]
    assert "SECURE:SASL_SSL" in settings["listener.security.protocol.map"]


def test_a_setting_of_the_caller_wins() -> None:
    kafka = kafka_settings(KafkaPorts(1, 2), Path("/d"), {}, {"message.max.bytes": "5"})
    assert kafka["message.max.bytes"] == "5"
    ports = ElasticsearchPorts(1, 2)
    node = elasticsearch_settings(ports, Path("/d"), False, {"cluster.name": "mine"})
    assert node["cluster.name"] == "mine"


def test_a_value_with_line_breaks_survives_the_properties_format() -> None:
    assert properties({"key": "-----BEGIN\na\\b"}) == "key=-----BEGIN\\na\\\\b\n"
