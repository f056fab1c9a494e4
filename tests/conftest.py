"""Fixtures of all tests: real servers, settings of their own, and services as processes."""

import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from leftovers import delete_documents
from real_stack import RealStack, shared_stack
from service_processes import ServiceProcesses

from contracts.settings import Settings, load_settings

_SERVED = pytest.StashKey[set[str]]()
_SERVICES = pytest.StashKey[ServiceProcesses]()
_NOT_SETTINGS = {"MILLRACE_HOME", "MILLRACE_TEST_STACK"}
_LOG_LINES = 100


def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM ends a run as Ctrl-C does: servers and services end with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # All processes share the cores: threads of one that wait for the others only keep them busy.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config.stash[_SERVED] = set()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, then the others on servers; the short ones fill what is left at the end,
    so that no process has a long one when the others have none."""
    items.sort(key=lambda item: [item.get_closest_marker(m) is None for m in ("long", "stack")])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Tests on servers also wait: two processes more than there are cores, up to eight; each with
    what it starts has some 3 GiB."""
    room = psutil.virtual_memory().available // (3 * 1024**3)
    return max(1, min((os.cpu_count() or 1) + 2, room, 8))


@pytest.fixture(scope="session")
def stack(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RealStack]:
    """A real Kafka and a real Elasticsearch; all tests of a run share them."""
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if hasattr(pytestconfig, "workerinput") else own
    with shared_stack(folder, os.environ.get("MILLRACE_TEST_STACK") or "auto") as served:
        used = f"{served.kind} ({served.note})"
        pytestconfig.stash[_SERVED].add(used)
        if hasattr(pytestconfig, "workeroutput"):
            pytestconfig.workeroutput["served"] = used
        yield served


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """No `MILLRACE_*` setting of the caller's shell reaches the test."""
    for name in list(os.environ):
        if name.startswith("MILLRACE_") and name not in _NOT_SETTINGS:
            monkeypatch.delenv(name)


@pytest.fixture
def settings(stack: RealStack, no_variables: None, tmp_path: Path) -> Iterator[Settings]:
    """Settings for the real servers, with topics and indices that no other test uses.

    The topics and the index template are not there yet.
    """
    unique = uuid.uuid4().hex[:12]
    settings = load_settings(
        project_dir=tmp_path,
        bootstrap_servers=stack.bootstrap_servers,
        elasticsearch=stack.elasticsearch,
        topic_prefix=f"t{unique}.",
        index_prefix=f"t{unique}",
        partitions=4,
    )
    yield settings
    delete_documents(settings)


@pytest.fixture
def running(
    request: pytest.FixtureRequest, settings: Settings, tmp_path: Path
) -> Iterator[ServiceProcesses]:
    """Starts services as processes: `running.start("stream_workers")`; killed after the test."""
    services = ServiceProcesses(settings, tmp_path)
    request.node.stash[_SERVICES] = services
    yield services
    services.end()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show what the services of a failed test wrote last."""
    report = yield
    services = item.stash.get(_SERVICES, None)
    if report.failed and services is not None:
        for service in services.started:
            tail = "\n".join(service.output.splitlines()[-_LOG_LINES:])
            report.sections.append((f"log of {service.name}", tail))
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over which servers a process of a parallel run used."""
    if used := getattr(node, "workeroutput", {}).get("served"):
        node.config.stash[_SERVED].add(used)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Tell which servers the run used."""
    used = "; ".join(sorted(config.stash[_SERVED])) or "none were started"
    terminalreporter.write_line(f"Real Kafka and Elasticsearch: {used}")
