"""What a supervisor does with its processes; they are tiny here, and no server is needed."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from service_processes import PROJECT, ServiceProcess
from waiting import wait_until

from contracts.errors import AccessError, UsageError
from contracts.keys import generate_keys
from local_stack.process_identity import identity

SUPERVISOR = """
import json, os, sys
from stream_workers.restarts import Restarts
from stream_workers.supervisor import Program, supervise
codes, restarts, stop_seconds = json.loads(sys.argv[1])
programs = [
    Program(f"process {n}", [sys.executable, "-c", code] if code else ["/nonexistent"], os.environ)
    for n, code in enumerate(codes, 1)
]
sys.exit(supervise(programs, Restarts(*restarts), stop_seconds))
"""
# What a process does is a line of the file `told`: appended whole, so that none is lost.
PROCESS = """
import os, signal, sys, time
def tell(*words):
    with open("told", "a") as told:
        told.write(" ".join(map(str, (os.getpid(), *words))) + "\\n")
def when_asked(*_):
    tell("asked")
    while not os.path.exists("may end"):
        time.sleep(0.01)
    sys.exit(0)
def wait_for_others():
    while not os.path.exists("told"):
        time.sleep(0.01)
"""
RUNS = PROCESS + "signal.signal(15, when_asked); tell('runs'); time.sleep(600)"
STUBBORN = PROCESS + "signal.signal(15, lambda *_: tell('asked')); tell('runs')\n"
STUBBORN += "while True: time.sleep(600)"
HOLDS_ON = PROCESS + "import stream_workers.lifeline as l; signal.signal(15, when_asked)\n"
HOLDS_ON += "l.hold_on(); tell('runs'); time.sleep(600)"
ENDS = PROCESS + "tell('runs', time.monotonic()); sys.exit({status})"
QUICK = (0.05, 0.4, 600)
NEVER = (600, 600, 600)

Supervise = Callable[..., ServiceProcess]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    """Starts a supervisor of processes that run the given code."""
    started: list[ServiceProcess] = []

    def start(
        *codes: str, restarts: tuple[float, ...] = NEVER, stop_seconds: float = 600
    ) -> ServiceProcess:
        log = tmp_path / "supervisor.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISOR, json.dumps([codes, restarts, stop_seconds])],
                cwd=tmp_path,
                env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "1"},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started.append(ServiceProcess("supervisor", process, log))
        return started[-1]

    yield start
    for service in started:
        service.kill()
    for pid, _ in told(tmp_path):
        if not ended(pid) and os.getsid(pid) in {service.pid for service in started}:
            os.kill(pid, signal.SIGKILL)


def told(folder: Path) -> list[tuple[int, list[str]]]:
    """What the processes told, in turn: pid and words."""
    path = folder / "told"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(int(pid), words) for pid, *words in map(str.split, lines)]


def pids(folder: Path, word: str, count: int) -> list[int]:
    """The processes that told this word, once there are so many."""

    def found() -> list[int] | None:
        pids = [pid for pid, words in told(folder) if words[0] == word]
        return pids if len(pids) >= count else None

    return wait_until(found, 30, f"{count} processes telling '{word}'") or []


def ended(pid: int) -> bool:
    return identity(pid) is None


def test_a_killed_process_is_started_again_and_the_others_are_left_alone(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervisor = supervise(RUNS, RUNS, restarts=QUICK)
    first, second = pids(tmp_path, "runs", 2)
    os.kill(first, signal.SIGKILL)
    third = pids(tmp_path, "runs", 3)[-1]
    assert third not in (first, second)
    assert not ended(second)
    assert "was ended by signal SIGKILL; it is started again in 0.05 s" in supervisor.output


def test_a_process_that_ends_at_once_is_started_ever_more_slowly(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervisor = supervise(ENDS.format(status=1), restarts=QUICK)
    pids(tmp_path, "runs", 6)
    starts = [float(words[-1]) for _, words in told(tmp_path)]
    waited = [later - earlier for earlier, later in pairwise(starts)]
    rests = [0.05, 0.1, 0.2, 0.4, 0.4]
    assert all(one >= rest for one, rest in zip(waited, rests, strict=False)), waited
    for rest in ("0.05", "0.1", "0.2", "0.4"):
        assert f"ended with exit status 1; it is started again in {rest} s" in supervisor.output


def test_a_process_that_ends_in_order_unasked_is_started_again_too(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervise(ENDS.format(status=0), restarts=QUICK)
    assert len(set(pids(tmp_path, "runs", 3))) >= 3


def test_a_program_that_cannot_be_started_is_tried_again(supervise: Supervise) -> None:
    supervisor = supervise("", restarts=QUICK)
    supervisor.wait_for_log("could not be started (No such file or directory); it is started")
    supervisor.wait_for_log("again in 0.1 s")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_are_asked_to_stop_once_and_waited_for(
    supervise: Supervise, tmp_path: Path, number: signal.Signals
) -> None:
    supervisor = supervise(RUNS, RUNS, RUNS)
    running = pids(tmp_path, "runs", 3)
    # To the whole group, as a terminal does for Ctrl-C.
    os.killpg(supervisor.pid, number)
    assert sorted(pids(tmp_path, "asked", 3)) == sorted(running)
    assert supervisor.process.poll() is None
    (tmp_path / "may end").touch()
    assert supervisor.process.wait(30) == 0, supervisor.output
    assert len(pids(tmp_path, "asked", 3)) == 3
    assert all(map(ended, running))


def test_what_rests_is_not_waited_for_when_all_stop(supervise: Supervise) -> None:
    supervisor = supervise(ENDS.format(status=7), restarts=NEVER)
    supervisor.wait_for_log("ended with exit status 7; it is started again in 600 s")
    assert supervisor.stop() == 0, supervisor.output


def test_what_does_not_stop_in_time_is_killed_and_that_is_told(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervisor = supervise(STUBBORN, stop_seconds=0.2)
    [pid] = pids(tmp_path, "runs", 1)
    assert supervisor.stop() == 1
    assert ended(pid)
    assert pids(tmp_path, "asked", 1) == [pid]
    assert "has not ended in 0.2 s; it is killed" in supervisor.output


def test_a_second_signal_kills_at_once(supervise: Supervise, tmp_path: Path) -> None:
    supervisor = supervise(STUBBORN, STUBBORN)
    running = pids(tmp_path, "runs", 2)
    supervisor.process.send_signal(signal.SIGINT)
    pids(tmp_path, "asked", 2)
    supervisor.process.send_signal(signal.SIGINT)
    assert supervisor.process.wait(30) == 1
    assert all(map(ended, running))


@pytest.mark.parametrize("status", [UsageError.exit_status, AccessError.exit_status])
def test_where_a_restart_cannot_help_all_end_and_the_status_tells_why(
    supervise: Supervise, tmp_path: Path, status: int
) -> None:
    (tmp_path / "may end").touch()
    supervisor = supervise(RUNS, PROCESS + f"wait_for_others(); sys.exit({status})")
    assert supervisor.process.wait(30) == status
    assert f"process 2 ended with exit status {status}: a restart cannot help" in supervisor.output
    assert [words[0] for _, words in told(tmp_path)] == ["runs", "asked"]


def test_settings_that_were_right_before_are_no_reason_to_end_all(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervise(ENDS.format(status=UsageError.exit_status), restarts=(0.05, 0.4, 0.0))
    assert len(set(pids(tmp_path, "runs", 3))) >= 3


def test_processes_end_in_order_when_their_supervisor_is_killed(
    supervise: Supervise, tmp_path: Path
) -> None:
    supervisor = supervise(HOLDS_ON, HOLDS_ON)
    running = pids(tmp_path, "runs", 2)
    (tmp_path / "may end").touch()
    os.kill(supervisor.pid, signal.SIGKILL)
    assert sorted(pids(tmp_path, "asked", 2)) == sorted(running)
    wait_until(lambda: all(map(ended, running)), 30, "the processes having ended")


def test_a_worker_whose_settings_are_wrong_ends_the_command_with_its_sentence_and_status(
    no_variables: None, tmp_path: Path
) -> None:
    generate_keys(tmp_path / ".millrace" / "keys")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-m", "cli", "worker", "--processes", "2"],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(PROJECT),
                "MILLRACE_BOOTSTRAP_SERVERS": "127.0.0.1:1",
                "MILLRACE_HTTP_ADDRESS": address,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == UsageError.exit_status, done.stderr
    assert f"cannot serve at '{address}'" in done.stderr
    assert "worker process 1 ended with exit status 2: a restart cannot help" in done.stderr
    assert "Traceback" not in done.stderr
