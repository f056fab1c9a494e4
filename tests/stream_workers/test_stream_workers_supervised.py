"""Workers under a supervisor on a real Kafka: whichever process is killed, nothing is lost or
doubled, and nothing lives on."""

import os
import signal
from typing import Any

import psutil
import pytest
from service_processes import ServiceProcess
from waiting import wait_until

from contracts.kafka import admin_client, consumer_group
from local_stack.process_identity import identity

pytestmark = pytest.mark.stack

# `works` is the fixture of conftest.py; with importlib's import mode it cannot be imported.
Works = Any


def worker_pids(supervisor: ServiceProcess) -> set[int]:
    return {child.pid for child in psutil.Process(supervisor.pid).children()}


def all_have_ended(pids: set[int]) -> bool:
    return all(identity(pid) is None for pid in pids)


def scoring(works: Works) -> set[int]:
    """The processes that have made predictions."""
    return {int(p.worker.rpartition("-")[2]) for p in works.predictions()}


def group_members(works: Works) -> list[str]:
    group = consumer_group(works.settings, "workers")
    admin = admin_client(works.settings)
    try:
        return [
            str(member["member_id"]) for member in admin.describe_groups([group])[group]["members"]
        ]
    finally:
        admin.close()


def committed(works: Works) -> int:
    """Events whose positions the group has committed."""
    group = consumer_group(works.settings, "workers")
    admin = admin_client(works.settings)
    try:
        return sum(
            position.offset for position in admin.list_group_offsets([group])[group].values()
        )
    finally:
        admin.close()


def send_until_scored_by(works: Works, pids: set[int], sent: int) -> int:
    """Send events until all of these processes have made predictions; how many were sent ever."""

    def shared() -> bool:
        nonlocal sent
        works.send(*works.events(40, first=sent))
        sent += 40
        return pids <= scoring(works)

    works.wait_for(shared, f"predictions of {pids}")
    return sent


def test_a_killed_worker_comes_back_and_every_event_has_one_prediction(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    supervisor = works.start_workers(2)
    works.wait_until_served("1")
    first = worker_pids(supervisor)
    assert len(first) == 2
    sent = send_until_scored_by(works, first, 0)
    works.send(*works.events(5000, first=sent))
    os.kill(min(first), signal.SIGKILL)
    supervisor.wait_for_log("was ended by signal SIGKILL; it is started again in 1 s")
    wait_until(lambda: len(worker_pids(supervisor) - {min(first)}) == 2, 30, "a new process")
    second = worker_pids(supervisor)
    sent = send_until_scored_by(works, second, sent + 5000)
    predictions = works.wait_for_predictions(sent)
    assert sorted(p.event_id for p in predictions) == sorted(f"e{n}" for n in range(sent))
    assert supervisor.stop() == 0, supervisor.output
    assert all_have_ended(first | second)


def test_workers_finish_and_leave_when_their_supervisor_is_killed(works: Works) -> None:
    works.publish("1", 1.0, sequence=1)
    supervisor = works.start_workers(2)
    works.wait_until_served("1")
    pids = worker_pids(supervisor)
    works.send(*works.events(5000))
    works.wait_for_predictions(1)
    os.kill(supervisor.pid, signal.SIGKILL)
    works.wait_for(lambda: all_have_ended(pids), "the workers having ended")
    assert supervisor.output.count("the supervisor is gone; this worker stops") == 2
    # Kafka has not waited for their session timeout: they have told it.
    assert not group_members(works)
    predictions = [p.event_id for p in works.predictions()]
    assert len(predictions) == len(set(predictions)) == committed(works)
