"""Secured servers with the accounts, roles and ACLs of `deploy/`."""

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import secured_stack
from certificates import Authority
from secured_servers import SECONDS, USERS, Secured, environment
from service_processes import PROJECT, ServiceProcesses

import local_stack
from contracts.settings import load_settings


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Secured servers with the accounts, roles and ACLs of `deploy/`."""
    folder = tmp_path_factory.mktemp("secured")
    (folder / "project").mkdir()
    authority = Authority("authority of the tests")
    (folder / "ca.pem").write_text(authority.certificate)
    passwords = {user: secrets.token_urlsafe(16) for user in USERS}
    roles = json.loads((PROJECT / "deploy" / "elasticsearch" / "roles.json").read_text())
    with local_stack.session(None, secured_stack.options(authority, passwords, roles)) as stack:
        secured_stack.create_kafka_users(stack, passwords)
        servers = Secured(stack, authority, passwords, folder)
        applied = subprocess.run(
            [sys.executable, PROJECT / "deploy" / "kafka" / "apply.py"],
            env=environment() | {"MILLRACE_BOOTSTRAP_SERVERS": stack.kafka.endpoint},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert applied.returncode == 0, applied.stderr
        servers.millrace("operator", "setup")
        yield servers


@pytest.fixture
def processes(servers: Secured, tmp_path: Path) -> Iterator[ServiceProcesses]:
    """Services that run until the end of the test."""
    started = ServiceProcesses(load_settings(), tmp_path)
    started.environment = environment()
    yield started
    started.end()
