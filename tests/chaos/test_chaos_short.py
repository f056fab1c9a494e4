"""Whatever fails, every acknowledged event has its one outcome: the short form, for every run."""

from collections.abc import Callable
from random import Random

import pytest
from chaos.scenarios import MIXTURE
from chaos.system import System
from chaos.verdict import Delivery, Verdict, judge

pytestmark = [pytest.mark.stack, pytest.mark.long]


@pytest.mark.parametrize(
    "delivery", [pytest.param("at_least_once", marks=pytest.mark.chaos), "exactly_once"]
)
def test_nothing_is_lost_or_doubled_when_everything_fails(
    delivery: Delivery,
    new_system: Callable[..., System],
    report: Callable[[str, int, Verdict], None],
    seed: str,
) -> None:
    system = new_system(delivery)
    _, verdict = MIXTURE.run(system, Random(f"{seed} {delivery}"))
    report(f"mixture {delivery}", system.kills, verdict)
    assert not verdict.differences, str(verdict)
    assert verdict.counts["versions"] > 1
    _tamper(system)
    tampered = judge(system.witness.evidence(), delivery, finished=True)
    assert (tampered.counts["lost"], tampered.counts["doubled"]) == (1, 1), str(tampered)


def _tamper(system: System) -> None:
    """Take one document away, and put a copy of another one beside it: the checker must see it."""
    documents = f"{system.settings.index_prefix}-predictions-*"
    found = system.elasticsearch("GET", f"{documents}/_search?size=2&q=model.role:champion")
    doubled, lost = found["hits"]["hits"]
    system.elasticsearch("DELETE", f"{lost['_index']}/_doc/{lost['_id']}")
    system.elasticsearch("PUT", f"{doubled['_index']}/_create/a-copy", doubled["_source"])
