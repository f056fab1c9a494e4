"""A stack whose servers may die, installations on it, and the table of what became of them."""

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chaos.system import System
from chaos.verdict import Delivery, Verdict

import local_stack
from contracts.settings import load_settings
from local_stack import Stack

SEED = os.environ.get("SEED") or str(uuid.uuid4().int % 1_000_000)
ROUNDS = int(os.environ.get("ROUNDS") or 0)
_ROWS: list[tuple[str, str]] = []

NewSystem = Callable[..., System]


@pytest.fixture(scope="module")
def mortal_stack() -> Iterator[Stack]:
    """A Kafka and an Elasticsearch of our own: the other tests' servers must live."""
    with local_stack.session() as stack:
        yield stack


@pytest.fixture
def new_system(
    mortal_stack: Stack, no_variables: None, tmp_path: Path
) -> Iterator[Callable[[Delivery, bool], System]]:
    """Make an installation with topics and indices of its own; ended after the test."""
    made: list[System] = []

    def make(delivery: Delivery, wrapped: bool = False) -> System:
        folder = tmp_path / delivery
        folder.mkdir()
        unique = uuid.uuid4().hex[:12]
        settings = load_settings(
            project_dir=folder,
            bootstrap_servers=mortal_stack.kafka.endpoint,
            topic_prefix=f"c{unique}.",
            index_prefix=f"c{unique}",
            partitions=4,
            session_timeout_ms=6000,
            package_retry_seconds=2,
        )
        made.append(System(mortal_stack, settings, folder, delivery, wrapped))
        return made[-1]

    yield make
    for system in made:
        system.close()


@pytest.fixture
def report(request: pytest.FixtureRequest) -> Callable[[str, int, Verdict], None]:
    """Add a line to the table at the end of the run."""

    def add(name: str, kills: int, verdict: Verdict) -> None:
        counts = {"killed": kills, **verdict.counts}
        _ROWS.append((name, "  ".join(f"{count:>6,} {what}" for what, count in counts.items())))

    return add


@pytest.fixture
def seed() -> str:
    """What the moments of all faults follow from; shown with every failure."""
    print(f"SEED={SEED}")
    return SEED


@pytest.fixture
def rounds() -> int | None:
    """How often each fault happens; None for as often as its scenario says."""
    return ROUNDS or None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show the table."""
    if _ROWS:
        terminalreporter.section(f"faults, SEED={SEED}")
    width = max((len(name) for name, _ in _ROWS), default=0)
    for name, figures in _ROWS:
        terminalreporter.write_line(f"{name:<{width}} {figures}")
