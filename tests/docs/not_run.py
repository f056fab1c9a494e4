"""The blocks that no test pastes into a shell: why not, and what is looked at instead."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import yaml
from docs.commands import problem
from docs.pages import PROJECT, Block, invocations

from contracts.events import FeatureEvent


@dataclass(frozen=True)
class NotRun:
    """A block, by the command it begins with."""

    page: str
    command: str
    reason: str
    check: Callable[[str], None]

    def is_of(self, block: Block) -> bool:
        """Whether it is this block."""
        return block.page == self.page and block.code.startswith(self.command)


def _made(code: str) -> None:
    """Make knows how to do it; with -n it does nothing."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", code],
        cwd=PROJECT,
        env=os.environ | {"MAKEFLAGS": "-n"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def _composed(code: str) -> None:
    """Options, profiles and services are those of the compose file."""
    services = yaml.safe_load((PROJECT / "docker-compose.yml").read_text("utf-8"))["services"]
    profiles = {name for service in services.values() for name in service.get("profiles", ())}
    for line in code.splitlines():
        words = shlex.split(line, comments=True)
        assert words[:2] == ["docker", "compose"]
        for option, value in pairwise(words):
            if option == "--profile":
                assert value in profiles
            if option == "--scale":
                assert value.partition("=")[0] in services
    if shutil.which("docker") and not _docker("version").returncode:
        done = _docker("--profile", "demo", "config", "--quiet")
        assert done.returncode == 0, done.stderr


def _docker(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """`docker compose`, which some have without its plugin; it needs no daemon for this."""
    command = ["docker", "compose", *arguments]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60)


def _understood(code: str) -> None:
    """The command has these options."""
    found = list(invocations(f"```sh\n{code}```\n"))
    assert len(found) == len(code.splitlines())
    assert [problem(one.arguments) for one in found] == [None] * len(found)


def _an_event(code: str) -> None:
    """What goes into the pipe is an event with the key of its entity."""
    said, *_ = shlex.split(code.partition("|\n")[0].removeprefix("echo "))
    key, _, value = said.partition("|")
    assert msgspec.json.decode(value.encode(), type=FeatureEvent).entity_id == key


NOT_RUN = (
    NotRun("CONTRIBUTING.md", "make setup", "it is what runs the tests", _made),
    NotRun(
        "README.md",
        "make demo",
        "all flights of a year; tests/end_to_end runs `millrace demo` on 400 of them",
        _made,
    ),
    NotRun(
        "README.md",
        "docker compose up",
        "not every machine can build images; tests/containers holds the file to its specification",
        _composed,
    ),
    NotRun(
        "docs/dashboards.md",
        "millrace dashboards import",
        "it needs a Kibana, which `make kibana` starts and imports into",
        _understood,
    ),
    NotRun(
        "docs/producing.md",
        "echo 'n-1|",
        "the command line of Kafka is no part of the local stack",
        _an_event,
    ),
)
