"""What protects a connection comes from variables or files, is checked at once, and never shown."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
import secured_stack
from certificates import Authority, encrypted_key
from service_processes import PROJECT

from contracts.errors import ConfigurationError
from contracts.kafka_clients import librdkafka_settings, python_client_settings
from contracts.settings import load_settings
from contracts.topics import Topics
from prediction_log.client import connect

pytestmark = pytest.mark.usefixtures("no_variables")
WORD = "swordfish"


def protected(**changes: Any) -> dict[str, Any]:
    return {
        "bootstrap_servers": "kafka.example:9093",
        "elasticsearch": "https://search.example:9200",
        "kafka_security_protocol": "SASL_SSL",
        "kafka_username": "me",
        "kafka_password": WORD,
    } | changes


def test_a_secret_is_read_from_the_file_that_a_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = secured_stack.private(tmp_path / "word", WORD + "\n")
    monkeypatch.setenv("MILLRACE_KAFKA_PASSWORD_FILE", str(file))
    settings = load_settings(**protected(kafka_password=None))
    assert librdkafka_settings(settings)["sasl.password"] == WORD
    assert python_client_settings(settings)["sasl_plain_password"] == WORD


def test_a_secret_is_never_shown() -> None:
    settings = load_settings(**protected(elasticsearch_api_key=WORD))
    for shown in (
        repr(settings),
        str(settings),
        str(settings.model_dump()),
        repr(connect(settings)),
    ):
        assert WORD not in shown
    assert WORD not in settings.model_dump_json()


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [(WORD, 0o644, "chmod 600"), ("", 0o600, "is empty"), (None, 0o600, "cannot be read")],
)
def test_a_file_that_is_open_empty_or_missing_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, mode: int, said: str
) -> None:
    file = tmp_path / "word"
    if content is not None:
        secured_stack.private(file, content).chmod(mode)
    monkeypatch.setenv("MILLRACE_KAFKA_PASSWORD_FILE", str(file))
    with pytest.raises(ConfigurationError, match=said) as refused:
        load_settings(**protected(kafka_password=None))
    assert WORD not in str(refused.value)


def test_a_secret_given_twice_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MILLRACE_KAFKA_PASSWORD", WORD)
    monkeypatch.setenv("MILLRACE_KAFKA_PASSWORD_FILE", str(tmp_path / "word"))
    with pytest.raises(ConfigurationError, match="keep one"):
        load_settings(**protected(kafka_password=None))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kafka_security_protocol": "TLS"}, "MILLRACE_KAFKA_SECURITY_PROTOCOL"),
        ({"kafka_password": None}, "set MILLRACE_KAFKA_PASSWORD"),
        ({"kafka_security_protocol": "PLAINTEXT"}, "would not be used"),
        ({"kafka_ca_file": Path("/none")}, "MILLRACE_KAFKA_CA_FILE"),
        ({"elasticsearch_username": "me"}, "belong together"),
        ({"elasticsearch": f"https://me:{WORD}@search.example"}, "must not hold a password"),
        (
            {
                "elasticsearch_username": "me",
                "elasticsearch_password": WORD,
                "elasticsearch_api_key": WORD,
            },
            "keep one",
        ),
    ],
)
def test_settings_that_contradict_each_other_are_one_sentence(
    changes: dict[str, Any], said: str
) -> None:
    given = protected(**changes)
    with pytest.raises(ConfigurationError, match=said) as refused:
        load_settings(**given)
    assert WORD not in str(refused.value)


def test_a_client_key_may_have_a_password_and_may_not_be_open(tmp_path: Path) -> None:
    identity = Authority("ours").issue("worker")
    key = secured_stack.private(tmp_path / "key", encrypted_key(identity, WORD))
    certificate = secured_stack.private(tmp_path / "crt", identity.certificate)
    files = {"kafka_client_certificate": certificate, "kafka_client_key": key}
    given = protected(**files)
    python_client_settings(load_settings(**given, kafka_client_key_password=WORD))
    with pytest.raises(ConfigurationError, match="password is another"):
        python_client_settings(load_settings(**given))
    key.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_settings(**given)


def test_host_names_are_checked_unless_told_otherwise() -> None:
    settings = load_settings(**protected())
    assert python_client_settings(settings)["ssl_context"].check_hostname
    assert librdkafka_settings(settings)["ssl.endpoint.identification.algorithm"] == "https"


def test_the_access_files_cover_every_topic_and_name_none_that_does_not_exist() -> None:
    accounts = tomllib.loads((PROJECT / "deploy/kafka/acls.toml").read_text("utf-8"))
    exist = {topic.name for topic in Topics(load_settings()).all()}
    named = {
        name for kinds in accounts.values() for names in kinds["topics"].values() for name in names
    }
    assert named == exist
    assert set(accounts["operator"]["topics"]["CREATE"]) == exist
    roles = json.loads((PROJECT / "deploy/elasticsearch/roles.json").read_text("utf-8"))
    assert "all" not in str(roles)
