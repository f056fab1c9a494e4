"""Services are started, recorded, found again by others, and stopped."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_stack import services
from local_stack.errors import AlreadyRunningError, LocalStackError, StartError
from local_stack.process_identity import identity
from local_stack.supervision import wait_for

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
POLITE = [
    sys.executable,
    "-c",
    "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(3));"
    " print('ready', flush=True); time.sleep(600)",
]


STARTER = """
import sys
from local_stack import services
detached = sys.argv[2] == "detached"
print(services.start(sys.argv[1], "worker", sys.argv[3:], detached=detached).pid)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    services.stop_all(tmp_path)


def test_a_detached_service_is_recorded_and_stopped_by_name_of_the_project(project: Path) -> None:
    service = services.start(project, "worker-1", SLEEP, detached=True)
    (found,) = services.list_services(project)
    pid = found.pid
    assert (found.name, pid, found.detached) == ("worker-1", service.pid, True)
    assert pid is not None
    assert services.stop_all(project) == ["worker-1"]
    assert identity(pid) is None
    assert services.list_services(project) == []


@pytest.mark.parametrize("mode", ["detached", "attached"])
def test_only_a_detached_service_outlives_the_process_that_started_it(
    project: Path, mode: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STARTER, str(project), mode, *SLEEP],
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        check=True,
    )
    pid = int(done.stdout)
    if mode == "attached":
        assert wait_for(lambda: identity(pid) is None, 10)
        return
    # It notes in its log when it is let go, or that its owner is gone.
    log = project / ".millrace" / "run" / "worker" / "supervisor.log"
    said = ("detached", "owner is gone")
    assert wait_for(lambda: any(words in log.read_text() for words in said), 10)
    assert "owner is gone" not in log.read_text()
    assert services.list_services(project)[0].pid == pid


def test_services_are_stopped_by_sigterm(project: Path) -> None:
    service = services.start(project, "polite", POLITE)
    assert wait_for(lambda: "ready" in service.log.read_text(), 10)
    service.stop()
    assert service.exit_code == 3


def test_a_service_runs_in_its_project_with_the_environment_it_was_given(project: Path) -> None:
    show = "import os; print(os.getcwd(), os.environ['NAME'])"
    service = services.start(project, "show", [sys.executable, "-c", show], {"NAME": "value"})
    assert service.wait(10)
    assert service.log.read_text().split() == [str(project.resolve()), "value"]


def test_a_service_that_died_is_listed_with_its_exit_code(project: Path) -> None:
    service = services.start(project, "short", [sys.executable, "-c", "raise SystemExit(4)"])
    assert service.wait(10)
    (found,) = services.list_services(project)
    assert (found.pid, found.exit_code) == (None, 4)


def test_a_service_that_died_can_be_started_again(project: Path) -> None:
    first = services.start(project, "worker", SLEEP)
    assert first.pid is not None
    first.stop()
    assert services.start(project, "worker", SLEEP).pid is not None


def test_a_service_that_runs_is_not_started_twice(project: Path) -> None:
    services.start(project, "worker", SLEEP)
    with pytest.raises(AlreadyRunningError, match="worker runs already"):
        services.start(project, "worker", SLEEP)


def test_a_program_that_does_not_exist_is_a_sentence(project: Path) -> None:
    with pytest.raises(StartError, match="typo could not be started"):
        services.start(project, "typo", ["/nonexistent/program"])


@pytest.mark.parametrize("name", ["stack", "../escape", "", "Worker"])
def test_a_name_that_is_none_is_refused(project: Path, name: str) -> None:
    with pytest.raises(LocalStackError, match="no name for a service"):
        services.start(project, name, SLEEP)
