"""The faults of the long form, and one mixture of them for every day."""

from dataclasses import dataclass
from random import Random

from chaos import faults
from chaos.faults import Fault
from chaos.system import System
from chaos.verdict import Evidence, Verdict


@dataclass(frozen=True)
class Scenario:
    """A fault, repeated while events flow.

    Attributes:
        rounds: how often, unless the caller says otherwise.
        wrapped: it changes clocks or Kafka's patience, for the services alone.
    """

    name: str
    fault: Fault
    rounds: int = 1
    wrapped: bool = False

    def run(
        self, system: System, random: Random, rounds: int | None = None
    ) -> tuple[Evidence, Verdict]:
        """Let it happen; new versions are deployed in the middle of it.

        Raises:
            AssertionError: a service gave up, or nothing flows any more; or what can be seen in
                between is wrong already.
        """
        rounds = rounds or self.rounds
        system.start()
        for number in range(rounds):
            for _ in self.fault(system, random):
                system.deployer.next_version()
            if number == rounds // 2:
                system.wait_until_it_flows()
                verdict = system.check()
                assert not verdict.differences, f"while everything runs: {verdict}"
        return system.finish()


SCENARIOS = (
    Scenario("worker-killed", faults.worker_killed, 15),
    Scenario("indexer-killed", faults.indexer_killed, 15),
    Scenario("both-killed", faults.both_killed, 12),
    Scenario("all-killed", faults.all_killed, 4),
    Scenario("zombies", faults.zombies, 3),
    Scenario("rebalances", faults.rebalance, 8),
    Scenario("broker-restarted", faults.broker_restarted, 3),
    Scenario("broker-killed", faults.broker_killed, 3),
    Scenario("broker-gone", faults.broker_gone),
    Scenario("broker-frozen", faults.broker_frozen),
    Scenario("elasticsearch-killed", faults.elasticsearch_killed, 2),
    Scenario("elasticsearch-gone", faults.elasticsearch_gone),
    Scenario("elasticsearch-frozen", faults.elasticsearch_frozen),
    Scenario("elasticsearch-refuses", faults.elasticsearch_refuses, 3),
    Scenario("disk-read-only", faults.disk_read_only, 2),
    Scenario("slow-predict", faults.slow_predict, wrapped=True),
    Scenario("clock-steps", faults.clock_steps, 2, wrapped=True),
    Scenario("store-full", faults.store_full),
    Scenario("store-unreadable", faults.store_unreadable, 2),
)


MIXTURE = Scenario("mixture", faults.mixture)
