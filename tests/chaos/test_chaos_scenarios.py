"""Whatever fails, every acknowledged event has its one outcome: the long form, `make chaos`."""

from collections.abc import Callable
from random import Random

import pytest
from chaos.scenarios import SCENARIOS, Scenario
from chaos.system import System
from chaos.verdict import Delivery, Verdict

pytestmark = [pytest.mark.stack, pytest.mark.chaos, pytest.mark.timeout(900)]


@pytest.mark.parametrize("delivery", ["at_least_once", "exactly_once"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_is_lost_or_doubled(
    scenario: Scenario,
    delivery: Delivery,
    new_system: Callable[..., System],
    report: Callable[[str, int, Verdict], None],
    seed: str,
    rounds: int | None,
) -> None:
    system = new_system(delivery, scenario.wrapped)
    _, verdict = scenario.run(system, Random(f"{seed} {scenario.name} {delivery}"), rounds)
    report(f"{scenario.name} {delivery}", system.kills, verdict)
    assert not verdict.differences, str(verdict)
