"""Secured servers as their accounts see them: settings and commands of one account each."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import secured_stack
from certificates import Authority
from service_processes import PROJECT, without_settings

import local_stack
from contracts.settings import Settings, load_settings

ROLES = (
    *("producer", "worker", "indexer", "monitor", "trainer"),
    *("operator", "analyst", "replayer", "keeper"),
)
USERS = (*ROLES, "nobody")
SECONDS = 60
"""More than any refusal may take; far less than an endless hang."""


@dataclass(frozen=True)
class Secured:
    """The servers, their accounts, and the files that clients are given."""

    stack: local_stack.Stack
    authority: Authority
    passwords: dict[str, str]
    folder: Path

    def variables(self, user: str, **changes: str | None) -> dict[str, str]:
        """The settings of a process that comes as `user`; its passwords are in files."""
        password = self.folder / f"{user}.password"
        if not password.exists():
            secured_stack.private(password, self.passwords[user] + "\n")
        given: dict[str, str | None] = {
            "PROJECT_DIR": str(self.folder / "project"),
            "BOOTSTRAP_SERVERS": self.stack.listeners["SECURE"],
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_USERNAME": user,
            "KAFKA_PASSWORD_FILE": str(password),
            "KAFKA_CA_FILE": str(self.folder / "ca.pem"),
            "ELASTICSEARCH": self.stack.elasticsearch.endpoint,
            "ELASTICSEARCH_USERNAME": user,
            "ELASTICSEARCH_PASSWORD_FILE": str(password),
            "ELASTICSEARCH_CA_FILE": str(self.folder / "ca.pem"),
            **changes,
        }
        return {f"MILLRACE_{k}": v for k, v in given.items() if v is not None}

    def run(
        self, user: str, module: str, *arguments: str, **changes: str | None
    ) -> "subprocess.CompletedProcess[str]":
        """A command as a person with that account runs it; it may not hang."""
        return subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=self.folder,
            env=environment() | self.variables(user, **changes),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )

    def millrace(self, user: str, *arguments: str) -> dict[str, Any]:
        """The command; it must succeed. Gives what it says as JSON."""
        done = self.run(user, "cli", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def settings(self, user: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
        """The same settings for a client in this process."""
        for name, value in self.variables(user).items():
            monkeypatch.setenv(name, value)
        return load_settings()

    def secrets(self) -> list[str]:
        """What may be seen nowhere."""
        return [*self.passwords.values(), self.stack.elasticsearch_password or ""]


def environment() -> dict[str, str]:
    """Of a process without any setting of ours."""
    kept = without_settings()
    return {**kept, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1", "COLUMNS": "1000"}
