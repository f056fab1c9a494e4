"""A supervisor runs what it is told and ends with its owner, whatever happens."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from local_stack.process_identity import identity, is_alive, own_identity
from local_stack.supervision import Supervision, wait_for
from local_stack.supervision_files import ChildSpec, ChildStatus, Status, replace_file

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    " print('ready', flush=True); time.sleep(600)"
)
WITH_CHILD = (
    "import subprocess, sys, time;"
    " p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    " print(p.pid, flush=True); time.sleep(600)"
)
OWNER = """
import sys, time
from pathlib import Path
from local_stack.supervision import Supervision
from local_stack.supervision_files import ChildSpec, read_file
directory = Path(sys.argv[1])
child = ChildSpec("sleeper", sys.argv[4:], {}, "/", str(directory / "log"), stop_seconds=1.0)
supervision = Supervision(directory)
supervision.start([child], [Path(path) for path in sys.argv[3].split()])
if sys.argv[2] == "detach":
    supervision.detach()
elif sys.argv[2] == "fork":
    import os
    if os.fork() == 0:
        time.sleep(600)
print("started", flush=True)
time.sleep(600)
"""

Make = Callable[..., Supervision]


def alive(pid: int) -> bool:
    return identity(pid) is not None


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    started: list[Supervision] = []

    def start(argv: list[str], **options: object) -> Supervision:
        supervision = Supervision(tmp_path / "run")
        log = str(tmp_path / "log")
        supervision.start([ChildSpec("child", argv, {}, "/", log, **options)])  # type: ignore[arg-type]
        started.append(supervision)
        return supervision

    yield start
    for supervision in started:
        supervision.stop()


def child_of(supervision: Supervision, name: str = "child") -> ChildStatus:
    def known() -> bool:
        status = supervision.status()
        return status is not None and status.child(name) is not None

    assert wait_for(known, 10)
    status = supervision.status()
    assert status is not None
    child = status.child(name)
    assert child is not None
    return child


def start_owner(
    directory: Path, mode: str, remove: str = "", argv: list[str] = SLEEP
) -> subprocess.Popen[bytes]:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(directory), mode, remove, *argv],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        start_new_session=True,
    )
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"started\n"
    return owner


@pytest.mark.parametrize("mode", ["attached", "fork"])
def test_everything_ends_when_the_owner_is_killed(tmp_path: Path, mode: str) -> None:
    (tmp_path / "data").mkdir()
    owner = start_owner(tmp_path / "run", mode, remove=str(tmp_path / "data"))
    supervision = Supervision(tmp_path / "run")
    child = child_of(supervision, "sleeper")
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    try:
        assert wait_for(lambda: not alive(child.pid) and not supervision.is_running(), 10)
        assert not (tmp_path / "data").exists()
    finally:
        os.killpg(owner.pid, signal.SIGKILL) if mode == "fork" else None
        supervision.stop()


def test_a_detached_one_lives_on_without_its_owner(tmp_path: Path) -> None:
    owner = start_owner(tmp_path / "run", "detach")
    supervision = Supervision(tmp_path / "run")
    child = child_of(supervision, "sleeper")
    os.kill(owner.pid, signal.SIGKILL)
    owner.wait()
    # Three turns of its loop, told from its own log of what it did.
    spec = supervision.spec()
    assert spec is not None
    supervision.change(msgspec.structs.replace(spec.children[0], generation=2))
    assert wait_for(lambda: child_of(supervision, "sleeper").generation == 2, 10)
    assert not alive(child.pid)
    supervision.stop()
    assert not alive(child_of(supervision, "sleeper").pid)


@pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal")
def test_a_child_ends_when_the_supervisor_is_killed(make: Make) -> None:
    supervision = make(SLEEP)
    child = child_of(supervision)
    status = supervision.status()
    assert status is not None
    os.kill(status.pid, signal.SIGKILL)
    assert wait_for(lambda: not alive(child.pid), 5)


@pytest.mark.skipif(
    sys.platform != "linux" or os.geteuid() != 0, reason="needs root and the parent-death signal"
)
def test_a_child_of_another_user_ends_when_the_supervisor_is_killed(make: Make) -> None:
    supervision = make(["/bin/sleep", "600"], uid=65534, gid=65534)
    child = child_of(supervision)
    assert os.stat(f"/proc/{child.pid}").st_uid == 65534
    status = supervision.status()
    assert status is not None
    os.kill(status.pid, signal.SIGKILL)
    assert wait_for(lambda: not alive(child.pid), 5)


def test_a_child_that_ignores_sigterm_is_killed_in_time(make: Make, tmp_path: Path) -> None:
    supervision = make([sys.executable, "-c", STUBBORN], stop_seconds=0.3)
    child = child_of(supervision)
    assert wait_for(lambda: "ready" in (tmp_path / "log").read_text(), 10)
    supervision.stop()
    assert not alive(child.pid)
    assert child_of(supervision).exit_code == -signal.SIGKILL


def test_a_child_takes_what_it_started_with_it(make: Make, tmp_path: Path) -> None:
    supervision = make([sys.executable, "-c", WITH_CHILD])
    child = child_of(supervision)
    assert wait_for(lambda: (tmp_path / "log").read_text().endswith("\n"), 10)
    grandchild = int((tmp_path / "log").read_text())
    os.kill(child.pid, signal.SIGKILL)
    assert wait_for(lambda: not alive(grandchild), 10)


def test_how_a_child_ended_is_recorded(make: Make) -> None:
    supervision = make([sys.executable, "-c", "raise SystemExit(7)"])
    assert wait_for(lambda: child_of(supervision).exit_code == 7, 10)
    assert "ended with exit code 7" in supervision.log.read_text()


def test_a_program_that_does_not_exist_is_recorded(make: Make) -> None:
    failure = child_of(make(["/nonexistent/program"])).failure
    assert failure is not None
    assert "/nonexistent/program" in failure


def test_what_a_killed_supervisor_left_behind_is_ended_by_stop(tmp_path: Path) -> None:
    orphan = subprocess.Popen(SLEEP, start_new_session=True)
    known = identity(orphan.pid)
    assert known is not None
    directory = tmp_path / "run"
    directory.mkdir()
    left = ChildStatus("orphan", 1, orphan.pid, known)
    replace_file(directory / "status.json", Status(2**22 - 1, "none", children=[left]))
    Supervision(directory).stop()
    assert orphan.wait(10) == -signal.SIGKILL


def test_a_process_that_was_given_an_old_pid_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEP, start_new_session=True)
    directory = tmp_path / "run"
    directory.mkdir()
    stale = ChildStatus("gone", 1, stranger.pid, "an earlier boot:1")
    replace_file(directory / "status.json", Status(stranger.pid, "earlier", children=[stale]))
    supervision = Supervision(directory)
    try:
        assert not supervision.is_running()
        supervision.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_process_that_ended_is_not_alive_before_it_is_waited_for() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    try:
        assert wait_for(lambda: identity(process.pid) is None, 10)
    finally:
        process.wait()


def test_a_process_is_told_from_another_with_its_pid() -> None:
    assert is_alive(os.getpid(), own_identity())
    assert not is_alive(os.getpid(), "another")
