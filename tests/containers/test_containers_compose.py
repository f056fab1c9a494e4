"""The compose file keeps to the specification, and to what we promise about it."""

import copy
import json
import re
from importlib.metadata import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from docker_stack import ELASTICSEARCH_IMAGE, KAFKA_IMAGE

from contracts.settings import Settings

PROJECT = Path(__file__).parents[2]
SERVERS = {"kafka", "elasticsearch", "kibana"}
ONE_SHOT = {"setup", "kibana-setup", "demo"}
KEYS = "/var/lib/millrace/keys"


@pytest.fixture
def compose() -> dict[str, Any]:
    return yaml.safe_load((PROJECT / "docker-compose.yml").read_text("utf-8"))


@pytest.fixture
def services(compose: dict[str, Any]) -> dict[str, Any]:
    return compose["services"]


@pytest.fixture
def ours(services: dict[str, Any]) -> dict[str, Any]:
    return {name: service for name, service in services.items() if name not in SERVERS}


def problems(compose: dict[str, Any]) -> list[str]:
    """What the compose specification's JSON Schema finds wrong."""
    schema = json.loads(_specification().read_text("utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    return [error.message for error in validator.iter_errors(compose)]


def _specification() -> Path:
    """The schema that check-jsonschema carries; read as a file, since only that is wanted of it."""
    (found,) = (f for f in files("check-jsonschema") or () if f.name == "compose-spec.json")
    return Path(str(found.locate()))


def test_the_file_keeps_to_the_compose_specification(compose: dict[str, Any]) -> None:
    assert problems(compose) == []


def test_the_specification_finds_a_mistake(compose: dict[str, Any]) -> None:
    wrong = copy.deepcopy(compose)
    wrong["services"]["kafka"]["depends_upon"] = ["elasticsearch"]
    assert problems(wrong)


def test_servers_are_the_official_images_that_the_tests_run_on(services: dict[str, Any]) -> None:
    assert services["kafka"]["image"] == KAFKA_IMAGE
    assert services["elasticsearch"]["image"] == ELASTICSEARCH_IMAGE
    assert services["kibana"]["image"] == "docker.elastic.co/kibana/kibana:8.19.5"


def test_every_published_port_is_on_the_loopback_interface(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert len(ports) == len(SERVERS | {"console"})
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_server_has_a_health_check(services: dict[str, Any]) -> None:
    for name in SERVERS:
        assert services[name]["healthcheck"]["test"]


def test_every_service_tells_whether_it_lives_at_the_port_it_serves(
    ours: dict[str, Any],
) -> None:
    for name in ("worker", "indexer", "judge", "monitor"):
        address = ours[name]["environment"]["MILLRACE_HTTP_ADDRESS"]
        port = address.rpartition(":")[2]
        assert f":{port}/health/live" in " ".join(ours[name]["healthcheck"]["test"])


def test_who_depends_on_a_server_waits_until_it_is_healthy(services: dict[str, Any]) -> None:
    for service in services.values():
        for name, dependency in service.get("depends_on", {}).items():
            if name in SERVERS:
                assert dependency["condition"] == "service_healthy"
            elif name in ONE_SHOT:
                assert dependency["condition"] == "service_completed_successfully"


def test_the_data_of_the_servers_outlives_their_containers(compose: dict[str, Any]) -> None:
    mounted = {
        volume.split(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
    }
    assert mounted == set(compose["volumes"])


def test_our_containers_have_no_privileges_and_cannot_write(ours: dict[str, Any]) -> None:
    assert {"setup", "worker", "indexer", "judge", "monitor", "console", "demo"} <= set(ours)
    for service in ours.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"] is True
        assert service["image"] == "millrace"
        assert "privileged" not in service
        assert "user" not in service


def test_the_image_runs_as_an_unprivileged_user() -> None:
    users = re.findall(r"^USER (\d+):(\d+)$", (PROJECT / "Dockerfile").read_text(), re.MULTILINE)
    assert users
    assert all(int(number) > 0 for number in users[-1])


def test_only_those_who_sign_have_private_keys(ours: dict[str, Any]) -> None:
    holders = {
        name
        for name, service in ours.items()
        if any(volume.split(":")[1] == KEYS for volume in service.get("volumes", []))
    }
    assert holders == {"setup", "judge", "demo", "retrainer"}
    for name in ("worker", "judge", "monitor"):
        assert f"trusted-keys:{KEYS}/trusted:ro" in ours[name]["volumes"]
    assert f"keys:{KEYS}:ro" in ours["judge"]["volumes"]
    assert "volumes" not in ours["indexer"]
    assert "volumes" not in ours["console"]


def test_every_setting_given_to_a_container_exists(ours: dict[str, Any]) -> None:
    known = {f"MILLRACE_{name.upper()}" for name in Settings.model_fields}
    for service in ours.values():
        assert set(service["environment"]) <= known


def test_the_demonstration_runs_only_when_asked_for(services: dict[str, Any]) -> None:
    assert {name for name, service in services.items() if "profiles" in service} == {"demo"}
