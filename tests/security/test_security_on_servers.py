"""Secured servers: the whole path with no more rights than needed; each refusal a sentence."""

import csv
import json
import subprocess
from pathlib import Path

import psutil
import pytest
import secured_stack
from certificates import Authority
from confluent_kafka import KafkaException, Producer
from console.opened import console
from docs.pages import PROJECT, blocks
from docs.shell import Shell
from secured_servers import Secured
from service_processes import ServiceProcesses
from waiting import wait_until

from contracts.consumers import python_consumer
from contracts.errors import AccessError, UnreachableError
from contracts.kafka import admin_client, require_rights
from contracts.kafka_clients import librdkafka_settings
from contracts.settings import load_settings
from elk.dashboards import dashboards
from prediction_log.client import connect, translated

pytestmark = [pytest.mark.stack, pytest.mark.long]

ROWS = 200


def table(path: Path) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "size", "price"])
        rows.writerows([f"c{n}", n % 17, 3.0 * (n % 17) + n % 3] for n in range(ROWS))


def sentence(done: "subprocess.CompletedProcess[str]", servers: Secured) -> str:
    """The one sentence of a command that was refused, which tells no secret."""
    output = done.stdout + done.stderr
    assert "Traceback" not in output
    assert not [word for word in servers.secrets() if word in output]
    assert done.returncode == AccessError.exit_status, output
    return done.stderr


def test_the_settings_of_the_page_on_security_open_the_servers(
    servers: Secured, tmp_path: Path
) -> None:
    for name in ("kafka", "elasticsearch"):
        secured_stack.private(tmp_path / name, servers.passwords["operator"])
    (tmp_path / "ca.pem").write_text(servers.authority.certificate)
    of_the_reader = {
        "KAFKA": servers.stack.listeners["SECURE"],
        "SEARCH": servers.stack.elasticsearch.endpoint,
        "ACCOUNT": "operator",
        "SECRETS": str(tmp_path),
        "MILLRACE_PROJECT_DIR": str(servers.folder / "project"),
    }
    with Shell(tmp_path, of_the_reader) as shell:
        for block in blocks(PROJECT / "docs" / "security.md"):
            shell.paste(block)

    assert f"Index template installed on {servers.stack.elasticsearch.endpoint}" in shell.output
    assert not [word for word in servers.secrets() if word in shell.output]


def test_the_whole_path_with_the_least_rights(
    servers: Secured, processes: ServiceProcesses, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(servers.folder / "my.csv")
    for user, module in (("worker", "stream_workers"), ("indexer", "elk")):
        processes.start(module, **servers.variables(user))
    servers.millrace("trainer", "train", "--data", "my.csv", "--target", "price", "--model", "m")
    servers.millrace("trainer", "models", "publish", "m")
    search = connect(servers.settings("analyst", monkeypatch))

    def count(kind: str) -> int:
        # An index that is just being created answers 503.
        found = search.options(ignore_status=503).count(index=f"millrace-{kind}-*")
        return int(found.get("count", -1))

    wait_until(lambda: "model swapped" in processes.started[0].output, 90, "the model served")
    file = ("my.csv", "--model", "m", "--id-column", "id", "--label-column", "price")
    produced = servers.millrace("producer", "produce", *file)
    assert produced["acknowledged"] == ROWS
    wait_until(lambda: count("predictions") == ROWS, 90, lambda: processes.started[1].output)
    assert count("dead-letters") == 0
    fast = {"MONITOR_INTERVAL_SECONDS": "1"}
    processes.start("elk", ["monitor"], **servers.variables("monitor", **fast))
    wait_until(lambda: count("outcomes") == ROWS, 90, lambda: processes.started[2].output)

    upstream = Producer(librdkafka_settings(servers.settings("producer", monkeypatch)))
    upstream.produce("features", b"no event")
    assert upstream.flush(30) == 0
    wait_until(lambda: count("dead-letters") == 1, 90, lambda: processes.started[1].output)
    replayed = servers.millrace("replayer", "dead-letters", "replay", "--reason", "malformed")
    assert replayed["sent"] == 1
    wait_until(lambda: count("dead-letters") == 2, 90, lambda: processes.started[1].output)

    examined = servers.run("operator", "cli", "doctor", "--json")
    findings = json.loads(examined.stdout)["findings"]
    assert not [found for found in findings if found["severity"] == "error"]
    status = servers.millrace("operator", "status")
    assert {server["state"] for server in status["servers"]} <= {"healthy", "green", "yellow"}
    lag = {topic["name"]: topic["lag"] for topic in status["topics"]}
    assert {"workers"} == set(lag["features"])
    assert {"indexer"} == set(lag["predictions"])
    for process in psutil.process_iter(["cmdline"]):
        words = " ".join(process.info["cmdline"] or ())
        assert not [word for word in servers.secrets() if word in words]
    for service in processes.started:
        assert service.stop() == 0, service.output
        assert not [word for word in servers.secrets() if word in service.output]


@pytest.mark.parametrize(
    "command",
    [
        ("stream_workers",),
        ("elk",),
        ("cli", "models", "history", "m"),
        ("cli", "produce", "some.csv", "--model", "m"),
    ],
    ids=" ".join,
)
def test_a_wrong_password_and_missing_rights_are_told_at_once(
    servers: Secured, command: tuple[str, ...]
) -> None:
    table(servers.folder / "some.csv")
    wrong = secured_stack.private(servers.folder / "wrong", "guess")
    told = sentence(servers.run("operator", *command, KAFKA_PASSWORD_FILE=str(wrong)), servers)
    assert "does not take user 'operator' with that password" in told
    assert "guess" not in told
    told = sentence(servers.run("nobody", *command), servers)
    assert "does not allow that to user 'nobody'" in told
    assert "deploy/kafka/acls.toml" in told


def test_a_service_ends_at_once_where_kafka_is_not_to_be_trusted(servers: Secured) -> None:
    (servers.folder / "stranger.pem").write_text(Authority("stranger").certificate)
    ca = str(servers.folder / "stranger.pem")
    told = sentence(servers.run("worker", "stream_workers", KAFKA_CA_FILE=ca), servers)
    assert "authority that is not trusted" in told


@pytest.mark.parametrize(
    ("listener", "said"),
    [
        ("EXPIRED", "a certificate that has expired"),
        ("MISNAMED", "a certificate for another host"),
        ("MUTUAL", "wants a client certificate"),
        ("PLAIN", "hangs up instead of speaking TLS"),
    ],
)
def test_a_listener_that_does_not_fit_is_named(servers: Secured, listener: str, said: str) -> None:
    settings = load_settings(
        bootstrap_servers={**servers.stack.listeners, "PLAIN": servers.stack.kafka.endpoint}[
            listener
        ],
        kafka_security_protocol="SSL",
        kafka_ca_file=servers.folder / "ca.pem",
    )
    for connect_to_kafka in (admin_client, python_consumer):
        with pytest.raises((AccessError, UnreachableError), match=said):
            connect_to_kafka(settings)


def test_a_client_that_expects_no_tls_is_told_that_kafka_speaks_it(servers: Secured) -> None:
    told = sentence(
        servers.run(
            "operator",
            "cli",
            "setup",
            KAFKA_SECURITY_PROTOCOL="PLAINTEXT",
            KAFKA_USERNAME=None,
            KAFKA_PASSWORD_FILE=None,
            KAFKA_CA_FILE=None,
        ),
        servers,
    )
    assert "speaks TLS: set MILLRACE_KAFKA_SECURITY_PROTOCOL" in told


def test_a_password_without_tls_is_taken_where_kafka_takes_it(servers: Secured) -> None:
    listener = {
        "BOOTSTRAP_SERVERS": servers.stack.listeners["PASSWORD"],
        "KAFKA_SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "KAFKA_CA_FILE": None,
    }
    done = servers.run("operator", "cli", "setup", **listener)
    assert done.returncode == 0, done.stderr
    wrong = secured_stack.private(servers.folder / "wrong", "guess")
    told = sentence(
        servers.run("operator", "cli", "setup", **listener, KAFKA_PASSWORD_FILE=str(wrong)), servers
    )
    assert "does not take user 'operator' with that password" in told


def test_a_client_certificate_is_an_account_too(servers: Secured) -> None:
    identity = servers.authority.issue("operator")
    certificate = secured_stack.private(servers.folder / "operator.crt", identity.certificate)
    key = secured_stack.private(servers.folder / "operator.key", identity.key)
    done = servers.run(
        "operator",
        "cli",
        "setup",
        BOOTSTRAP_SERVERS=servers.stack.listeners["MUTUAL"],
        KAFKA_SECURITY_PROTOCOL="SSL",
        KAFKA_USERNAME=None,
        KAFKA_PASSWORD_FILE=None,
        KAFKA_CLIENT_CERTIFICATE=str(certificate),
        KAFKA_CLIENT_KEY=str(key),
    )
    assert done.returncode == 0, done.stderr


def test_what_elasticsearch_refuses_is_told_at_once(servers: Secured) -> None:
    stranger = servers.folder / "stranger.pem"
    stranger.write_text(Authority("stranger").certificate)
    wrong = secured_stack.private(servers.folder / "wrong", "guess")
    nobody = servers.variables("nobody")["MILLRACE_ELASTICSEARCH_PASSWORD_FILE"]
    changes: dict[str, dict[str, str]] = {
        "does not know us": {"ELASTICSEARCH_PASSWORD_FILE": str(wrong)},
        "authority that is not trusted": {"ELASTICSEARCH_CA_FILE": str(stranger)},
        "does not allow that": {
            "ELASTICSEARCH_USERNAME": "nobody",
            "ELASTICSEARCH_PASSWORD_FILE": nobody,
        },
    }
    for said, change in changes.items():
        assert said in sentence(servers.run("indexer", "elk", **change), servers)
    done = servers.run("operator", "cli", "setup", ELASTICSEARCH_PASSWORD_FILE=str(wrong))
    assert "does not know us" in sentence(done, servers)


@pytest.mark.parametrize(
    ("user", "topic"),
    [
        ("producer", "predictions"),
        ("worker", "features"),
        ("worker", "model-control"),
        ("indexer", "predictions"),
        ("monitor", "labels"),
        ("trainer", "features"),
        ("operator", "model-control"),
    ],
)
def test_an_account_cannot_write_what_is_not_its_own(
    servers: Secured, monkeypatch: pytest.MonkeyPatch, user: str, topic: str
) -> None:
    settings = servers.settings(user, monkeypatch)
    with pytest.raises(AccessError, match=topic):
        require_rights(settings, write=[topic])
    errors: list[object] = []
    producer = Producer(librdkafka_settings(settings))
    producer.produce(topic, b"forged", on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(30) == 0
    assert "authorization failed" in str(errors[0])


def test_only_workers_may_use_their_transactional_ids(
    servers: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = librdkafka_settings(servers.settings("trainer", monkeypatch))
    producer = Producer(stranger | {"transactional.id": "millrace-workers-forged"})
    with pytest.raises(KafkaException, match="authorization failed"):
        producer.init_transactions(30)


def test_an_analyst_reads_documents_and_changes_none(
    servers: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = servers.settings("analyst", monkeypatch)
    client = connect(settings)
    client.search(index="millrace-*")
    with pytest.raises(AccessError, match="analyst"), translated(settings):
        client.index(index="millrace-predictions-m-2013.01", document={})


def test_the_console_of_an_analyst_shows_every_panel(
    servers: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_CONSOLE_ADDRESS", "127.0.0.1:0")
    written = {"@timestamp": "2013-01-01T00:00:00Z", "model": {"name": "seen", "role": "champion"}}
    writer = connect(servers.settings("indexer", monkeypatch))
    writer.index(index="millrace-predictions-seen-2013.01", document=written, refresh=True)
    with console(servers.settings("analyst", monkeypatch)) as opened:
        for board in dashboards():
            for panel in board.panels:
                opened.panel(board.id, panel.id)
        told = json.dumps(opened.panel("overview", "predictions", model_name="seen"))
    assert '"1"' in told
    assert not [word for word in servers.secrets() if word in told]


def test_a_console_with_a_wrong_password_says_so_in_its_panels(
    servers: Secured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MILLRACE_CONSOLE_ADDRESS", "127.0.0.1:0")
    wrong = secured_stack.private(servers.folder / "wrong", "guess")
    servers.settings("analyst", monkeypatch)
    monkeypatch.setenv("MILLRACE_ELASTICSEARCH_PASSWORD_FILE", str(wrong))
    with console(load_settings()) as opened:
        told = opened.refusal("api/panels/overview/predictions", 503)["error"]
    assert "does not know us" in told
    assert "guess" not in told
