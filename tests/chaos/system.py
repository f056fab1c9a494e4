"""A whole installation under load: its servers, its services as processes, and their witness."""

import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.error import URLError

from chaos.deployer import Deployer
from chaos.evidence import Witness
from chaos.paced_model import VARIABLE
from chaos.under_faults import CLOCK, MAX_POLL
from chaos.verdict import Delivery, Evidence, Verdict, judge
from elasticsearch_front import Front
from service_processes import PROJECT, ServiceProcess, ServiceProcesses
from waiting import wait_until

from contracts.kafka import create_topics
from contracts.settings import Settings
from local_stack import Stack

PATIENCE_SECONDS = 240.0
RATE = 300.0
"""Events per second."""
MAX_POLL_MS = 10_000


class System:
    """Two workers and two indexers under a steady load; what ends is replaced at once.

    Args:
        settings: of an installation of its own on the stack.
        wrapped: services run in a world whose clock and patience can be changed.
    """

    def __init__(
        self,
        stack: Stack,
        settings: Settings,
        folder: Path,
        delivery: Delivery,
        wrapped: bool = False,
    ) -> None:
        self.stack = stack
        self.delivery = delivery
        self.front = Front(stack.elasticsearch.endpoint)
        self.settings = settings.model_copy(update={"elasticsearch": self.front.url})
        self.folder = folder
        self.running = ServiceProcesses(self.settings, folder)
        self.running.environment |= {
            "PYTHONPATH": f"{PROJECT}:{PROJECT / 'tests'}",
            "PYTHONFAULTHANDLER": "1",
            "MILLRACE_DELIVERY": delivery,
            VARIABLE: str(folder / "slow"),
            CLOCK: str(folder / "clock"),
            MAX_POLL: str(MAX_POLL_MS),
        }
        self._record = folder / "acknowledged"
        self._record.touch()
        self._wrapped = wrapped
        self.kills = 0
        self.workers: list[ServiceProcess] = []
        self.indexers: list[ServiceProcess] = []
        self.witness = Witness(
            settings.kafka, stack.elasticsearch.endpoint, settings.topic_prefix, self._record
        )

    def start(self) -> None:
        """Start everything; returns when events have become documents."""
        create_topics(self.settings)
        self.deployer = Deployer(self.settings)
        self.deployer.next_version()
        self.deployer.flush()
        for _ in range(2):
            self.add_worker()
            self.add_indexer()
        self._load = self.running.start("chaos.load", [str(self._record), str(RATE)])
        self.wait_until_it_flows()

    def add_worker(self) -> None:
        """Start one more worker."""
        self.workers.append(self._service("stream_workers"))

    def add_indexer(self) -> None:
        """Start one more indexer."""
        self.indexers.append(self._service("elk"))

    def kill(self, services: list[ServiceProcess], number: int) -> None:
        """SIGKILL to a worker or an indexer, and another one in its place."""
        service = services.pop(number)
        service.kill()
        self.kills += 1
        services.append(self._service(service.name.rpartition("-")[0]))

    def let_pass(self, seconds: float) -> None:
        """Let time pass, where that is what is tested; a service that ends by itself is a bug."""
        end = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() >= end, seconds + 60)
        self.require_alive()

    def require_alive(self) -> None:
        """No service has ended unless it was told to."""
        for service in [*self.workers, *self.indexers, self._load]:
            status = service.process.poll()
            assert status is None, f"{service.name} ended with {status}:\n{service.output[-3000:]}"

    def wait_until_it_flows(self) -> None:
        """Wait until new events become documents."""
        before = self._outcomes()
        self.wait_for(lambda: self._outcomes() > before + RATE, "events becoming documents")

    def wait_for(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition as long as everything that should run does."""

        def met() -> object:
            self.require_alive()
            return condition()

        wait_until(met, PATIENCE_SECONDS, lambda: f"{what}\n{self._why_it_stands()}")

    def check(self) -> Verdict:
        """Judge what can be seen while everything runs."""
        return judge(self.witness.evidence(), self.delivery, finished=False)

    def finish(self) -> tuple[Evidence, Verdict]:
        """End the load, let everything under way come to its end, and judge it."""
        self.deployer.flush()
        assert self._load.stop() == 0, self._load.output
        events = sum(self.witness.ends("features").values())
        end = time.monotonic() + PATIENCE_SECONDS
        wait_until(
            lambda: self._outcomes() >= events or time.monotonic() > end, PATIENCE_SECONDS + 60
        )
        evidence = self.witness.evidence()
        return evidence, judge(evidence, self.delivery, finished=True)

    def elasticsearch(self, method: str, path: str, body: object = None) -> Any:
        """Ask Elasticsearch for something, past the front."""
        return self.witness.request(method, path, body)

    def close(self) -> None:
        """End the processes."""
        self.running.end()
        self.front.close()

    def _service(self, module: str) -> ServiceProcess:
        if not self._wrapped:
            return self.running.start(module)
        service = self.running.start("chaos.under_faults", [module])
        service.name = f"{module}-{len(self.running.started)}"
        return service

    def _why_it_stands(self) -> str:
        """How far everybody is, and what each thread of each service is doing."""
        lines = [f"documents: {self._outcomes()}", *self.witness.positions()]
        for service in [*self.workers, *self.indexers, self._load]:
            service.process.send_signal(signal.SIGABRT)  # Python's faulthandler shows the threads
            service.process.wait()
            lines.append(f"{service.name}:\n{service.output[-6000:]}")
        return "\n".join(lines)

    def _outcomes(self) -> int:
        try:
            return self.witness.outcomes()
        except URLError:  # it is down: that is the fault
            return -1


def stop(services: Sequence[ServiceProcess]) -> None:
    """SIGTERM to each; they must end with 0."""
    for service in services:
        status = service.stop()
        assert status == 0, f"{service.name} ended with {status}:\n{service.output[-3000:]}"
