"""What goes wrong, as generators: each yields in its middle, where a new version is deployed."""

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from random import Random

from chaos.system import MAX_POLL_MS, System, stop

from local_stack import ServerHandle

Fault = Callable[[System, Random], Iterator[None]]
_STORE_BYTES = 2048
"""What the full disk still takes of a file."""


def worker_killed(system: System, random: Random) -> Iterator[None]:
    """kill -9 of a worker at a random moment, also while the one before still starts."""
    system.let_pass(random.uniform(0.1, 6))
    system.kill(system.workers, random.randrange(len(system.workers)))
    yield


def indexer_killed(system: System, random: Random) -> Iterator[None]:
    """kill -9 of an indexer at a random moment."""
    system.let_pass(random.uniform(0.1, 6))
    system.kill(system.indexers, random.randrange(len(system.indexers)))
    yield


def both_killed(system: System, random: Random) -> Iterator[None]:
    """kill -9 of a worker and an indexer within a moment."""
    yield from worker_killed(system, random)
    system.let_pass(random.uniform(0, 0.5))
    system.kill(system.indexers, random.randrange(len(system.indexers)))


def all_killed(system: System, random: Random) -> Iterator[None]:
    """kill -9 of all workers and indexers at once."""
    system.let_pass(random.uniform(1, 6))
    yield from _all_killed(system)
    system.wait_until_it_flows()


def server_restarted(
    which: str, how: str, least: float, most: float, system: System, random: Random
) -> Iterator[None]:
    """A server ends (in order, or killed) or freezes, stays away for a while, and is back."""
    server: ServerHandle = getattr(system.stack, which)
    system.let_pass(random.uniform(0, 2))
    getattr(server, how)()
    try:
        system.let_pass(random.uniform(least, most) / 2)
        yield
        system.let_pass(random.uniform(least, most) / 2)
    finally:
        server.resume() if how == "pause" else server.start()
    system.wait_until_it_flows()


def _server(which: str, how: str, least: float, most: float) -> Fault:
    return partial(server_restarted, which, how, least, most)


broker_restarted = _server("kafka", "stop", 0, 1)
broker_killed = _server("kafka", "kill", 0, 1)
broker_gone = _server("kafka", "kill", 30, 31)
broker_frozen = _server("kafka", "pause", 30, 31)
elasticsearch_killed = _server("elasticsearch", "kill", 0, 2)
elasticsearch_gone = _server("elasticsearch", "stop", 60, 61)
elasticsearch_frozen = _server("elasticsearch", "pause", 30, 31)


def elasticsearch_refuses(system: System, random: Random) -> Iterator[None]:
    """429 and 503 to everything for a while, and answers that are lost on their way."""
    for status in random.sample([429, 503], 2):
        refused = system.front.refused
        system.front.standing = status
        system.wait_for(lambda refused=refused: system.front.refused > refused + 8, "refusals")  # type: ignore[misc]
        yield
        system.front.standing = None
        system.front.script.extend(random.choices(["cut", 429, 503, 500], k=6))
        system.wait_until_it_flows()


def disk_read_only(system: System, random: Random) -> Iterator[None]:
    """The block that Elasticsearch itself sets when its disk is full."""
    _set_block(system, True)
    system.let_pass(random.uniform(4, 8))
    yield
    system.let_pass(random.uniform(1, 3))
    _set_block(system, None)
    system.wait_until_it_flows()


def mixture(system: System, random: Random) -> Iterator[None]:
    """While the disk is full, services die and the broker dies; in the end all services at once."""
    _set_block(system, True)
    for services in random.sample([system.workers, system.indexers], 2):
        system.let_pass(random.uniform(0, 1))
        system.kill(services, random.randrange(2))
    yield
    system.let_pass(random.uniform(0, 3))
    system.stack.kafka.kill()
    system.stack.kafka.start()
    yield
    system.front.script.extend(random.choices(["cut", 429, 503], k=4))
    _set_block(system, None)
    system.let_pass(random.uniform(1, 4))
    yield from _all_killed(system)
    system.wait_until_it_flows()


def rebalance(system: System, random: Random) -> Iterator[None]:
    """A worker and an indexer join; another of each leaves, in order."""
    system.add_worker()
    system.add_indexer()
    system.let_pass(random.uniform(3, 7))
    yield
    stop([services.pop(random.randrange(2)) for services in (system.workers, system.indexers)])


def zombies(system: System, random: Random) -> Iterator[None]:
    """A worker and an indexer freeze until their partitions are others', and wake up."""
    frozen = [random.choice(system.workers), random.choice(system.indexers)]
    for service in frozen:
        service.process.send_signal(signal.SIGSTOP)
    silence = system.settings.session_timeout_ms / 1000
    system.let_pass(silence * random.uniform(1.2, 2))
    yield
    for service in frozen:
        service.process.send_signal(signal.SIGCONT)
    system.wait_until_it_flows()


def slow_predict(system: System, random: Random) -> Iterator[None]:
    """A model that takes longer than the session timeout, then longer than Kafka's patience."""
    session = system.settings.session_timeout_ms / 1000
    for seconds in (session * 1.2, MAX_POLL_MS / 1000 * 1.3):
        slow = system.folder / "slow"
        slow.write_text(str(seconds))
        system.let_pass(seconds * random.uniform(1.2, 1.6))
        slow.unlink()
        yield
        system.wait_until_it_flows()


def clock_steps(system: System, random: Random) -> Iterator[None]:
    """Clocks jump hours ahead and back again, below what an event's time is judged by too, and
    processes die meanwhile."""
    for hours in random.sample([-3.0, 3.0, 0.2, -0.2], 4):
        (system.folder / "clock").write_text(str(hours * 3600))
        system.let_pass(random.uniform(1, 4))
        system.kill(system.workers, random.randrange(2))
        yield
    (system.folder / "clock").write_text("0")
    system.wait_until_it_flows()


def store_full(system: System, random: Random) -> Iterator[None]:
    """A trainer's disk takes no package: it says so, nothing half is left, and work goes on."""
    table = system.folder / "table.csv"
    rows = (f"{n},{random.random()}" for n in range(300))
    table.write_text("\n".join(["size,y", *rows]))
    command = ["train", "--data", str(table), "--target", "y", "--model", "unlucky"]
    done = subprocess.run(
        [sys.executable, "-m", "cli", *command],
        env=system.running.environment,
        cwd=system.folder,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (_STORE_BYTES, _STORE_BYTES)),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    assert "model store" in done.stderr, done.stderr
    versions = system.settings.state_dir / "models" / "unlucky" / "versions"
    assert not list(versions.glob("*"))
    yield
    system.wait_until_it_flows()


def store_unreadable(system: System, random: Random) -> Iterator[None]:
    """Workers cannot read the package they shall serve: they keep what they have, and say so."""
    payload = system.deployer.store_next() / "payload"
    away = payload.with_name("away")
    payload.rename(away)
    payload.mkdir()
    said = {worker: worker.output.count("model rejected") for worker in system.workers}
    try:
        system.deployer.deploy()
        system.wait_for(
            lambda: all(w.output.count("model rejected") > n for w, n in said.items()),
            "both workers telling that they cannot load it",
        )
        system.kill(system.workers, random.randrange(2))
        system.wait_until_it_flows()
    finally:
        payload.rmdir()
        away.rename(payload)
    yield
    system.wait_until_it_flows()


def _all_killed(system: System) -> Iterator[None]:
    for services in (system.workers, system.indexers):
        for _ in list(services):
            system.kill(services, 0)
    yield


def _set_block(system: System, blocked: bool | None) -> None:
    block = {"index.blocks.read_only_allow_delete": blocked}
    path = f"{system.settings.index_prefix}-*/_settings"
    system.elasticsearch("PUT", path, block)
