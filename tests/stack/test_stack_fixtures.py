"""The fixtures that other tests stand on do what they say."""

import os
import urllib.request
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from real_stack import RealStack, real_stack
from service_processes import ServiceProcesses, as_variables
from waiting import wait_until

from contracts.errors import ConfigurationError
from contracts.kafka import admin_client, create_topics
from contracts.settings import Settings, load_settings
from contracts.topics import Topics


def test_an_unknown_choice_of_servers_fails_the_run() -> None:
    with pytest.raises(RuntimeError, match="auto, docker, local"), real_stack("none"):
        pass


def test_waiting_ends_with_the_answer_or_with_what_was_waited_for() -> None:
    answers = iter([0, 0, 7])
    assert wait_until(lambda: next(answers)) == 7
    with pytest.raises(AssertionError, match="not within 0 s: three of 5"):
        wait_until(lambda: False, 0, lambda: "three of 5")


def test_settings_survive_the_way_through_the_environment(
    tmp_path: Path, no_variables: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(project_dir=tmp_path, topic_prefix="mine.", worker_batch=7)
    for name, value in as_variables(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_the_caller_s_own_settings_do_not_reach_a_test(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MILLRACE_TOPIC_PREFIX", "production.")
    request.getfixturevalue("no_variables")
    assert load_settings().topic_prefix == ""


@pytest.mark.stack
def test_both_servers_answer(stack: RealStack, settings: Settings) -> None:
    assert stack.kind in {"testcontainers", "local stack"}
    assert len(create_topics(settings)) == len(Topics(settings).all())
    with urllib.request.urlopen(f"{stack.elasticsearch}/_cluster/health", timeout=30) as answer:
        assert answer.status == 200


@pytest.mark.stack
def test_topics_that_were_created_are_served_at_once(settings: Settings) -> None:
    create_topics(settings)
    consumer = Consumer({"bootstrap.servers": settings.kafka, "group.id": "any"})
    for topic in Topics(settings).all():
        for number in range(topic.partitions):
            place = TopicPartition(topic.name, number)
            assert consumer.get_watermark_offsets(place, timeout=30, cached=False) == (0, 0)
    consumer.close()


@pytest.mark.stack
def test_topics_that_nobody_declared_do_not_come_into_being(settings: Settings) -> None:
    admin = admin_client(settings)
    try:
        assert not [name for name in admin.list_topics() if name.startswith(settings.topic_prefix)]
    finally:
        admin.close()


@pytest.mark.stack
def test_a_service_runs_with_the_test_s_settings_and_is_gone_afterwards(
    settings: Settings, tmp_path: Path
) -> None:
    services = ServiceProcesses(settings, tmp_path)
    service = services.start("http.server", ["0", "--bind", "127.0.0.1"])
    service.wait_for_log("Serving HTTP")
    environment = Path(f"/proc/{service.pid}/environ")
    if environment.exists():
        assert f"MILLRACE_TOPIC_PREFIX={settings.topic_prefix}" in environment.read_text()
    services.end()
    with pytest.raises(ProcessLookupError):
        os.kill(service.pid, 0)


@pytest.mark.stack
def test_a_service_that_ends_too_early_is_told_with_its_log(running: ServiceProcesses) -> None:
    service = running.start("no_such_module_here")
    with pytest.raises(AssertionError, match=r"(?s)ended with 1 .*No module named"):
        service.wait_for_log("never written")


def test_without_servers_the_endpoints_are_a_clear_error(
    tmp_path: Path, no_variables: None
) -> None:
    with pytest.raises(ConfigurationError, match="millrace up"):
        _ = load_settings(project_dir=tmp_path).kafka
