"""What each command makes of the deployment in force."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from contracts.deployments import Canary, DeployedVersion, Deployment
from contracts.errors import UsageError
from trainer.deployments.transitions import (
    canary_ended,
    canary_promoted,
    promoted,
    rolled_back,
    rolled_back_to,
    with_canary,
    with_retired,
    with_shadow,
)


def version(number: int) -> DeployedVersion:
    return DeployedVersion(str(number), f"{number}" * 64)


FIRST = Deployment(
    environment="local",
    model="m",
    sequence=1,
    champion=version(1),
    author="ana@home",
    reason="published",
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
)


def test_the_champion_before_stands_by() -> None:
    after = promoted(FIRST, version(2))
    assert (after.champion, after.standby) == (version(2), version(1))


def test_promoting_the_champion_changes_nothing() -> None:
    assert promoted(FIRST, version(1)) == FIRST


def test_a_promoted_version_has_one_role_only() -> None:
    before = with_shadow(with_canary(FIRST, version(2), 0.1), version(3))
    assert promoted(before, version(2)).canary is None
    assert promoted(before, version(3)).shadows == ()


def test_a_shadow_that_becomes_the_canary_is_no_shadow_any_more() -> None:
    after = with_canary(with_shadow(FIRST, version(2)), version(2), 0.2)
    assert after.canary == Canary("2", "2" * 64, 0.2)
    assert after.shadows == ()


@pytest.mark.parametrize("weight", [0.0, 1.0, -0.1, 1.5])
def test_a_canary_serves_some_but_not_all(weight: float) -> None:
    with pytest.raises(UsageError, match="promote"):
        with_canary(FIRST, version(2), weight)


def test_a_rollback_ends_the_canary_before_it_touches_the_champion() -> None:
    before = with_canary(promoted(FIRST, version(2)), version(3), 0.5)
    once = rolled_back(before)
    assert (once.champion, once.canary) == (version(2), None)
    twice = rolled_back(once)
    assert twice.champion == version(1)


def test_a_second_rollback_does_not_bring_back_what_was_rolled_back() -> None:
    back = rolled_back(promoted(FIRST, version(2)))
    with pytest.raises(UsageError, match="--to VERSION"):
        rolled_back(back)


def test_a_rollback_to_an_earlier_version_ends_the_canary_too() -> None:
    before = with_canary(promoted(promoted(FIRST, version(2)), version(3)), version(4), 0.1)
    after = rolled_back_to(before, version(1))
    assert (after.champion, after.canary, after.standby) == (version(1), None, None)


def test_a_retired_version_serves_in_no_role_and_never_again() -> None:
    before = with_shadow(promoted(FIRST, version(2)), version(3))
    after = with_retired(with_retired(before, version(1)), version(3))
    assert (after.standby, after.shadows, after.retired) == (None, (), ("1", "3"))
    for again in (
        lambda: promoted(after, version(1)),
        lambda: with_canary(after, version(3), 0.1),
        lambda: with_shadow(after, version(3)),
        lambda: rolled_back_to(after, version(1)),
    ):
        with pytest.raises(UsageError, match="retired"):
            again()


def test_the_champion_cannot_be_retired_or_its_own_canary_or_shadow() -> None:
    for refused in (
        lambda: with_retired(FIRST, version(1)),
        lambda: with_canary(FIRST, version(1), 0.1),
        lambda: with_shadow(FIRST, version(1)),
    ):
        with pytest.raises(UsageError, match="champion"):
            refused()


def test_a_verdict_holds_only_for_the_canary_it_was_made_of() -> None:
    before = with_canary(FIRST, version(2), 0.1)
    assert canary_promoted(before, version(2)).champion == version(2)
    assert canary_ended(before, version(2)).canary is None
    other = with_canary(FIRST, version(3), 0.1)
    for late in (canary_promoted, canary_ended):
        with pytest.raises(UsageError, match="not the canary"):
            late(other, version(2))
        with pytest.raises(UsageError, match="not the canary"):
            late(replace(before, canary=None), version(2))
