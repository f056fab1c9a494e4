"""Old packages go; what serves, or can be rolled back to, never does."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from contracts.deployments import DeployedVersion, Deployment
from trainer.deployments.collecting import StoredVersion, collectable
from trainer.deployments.transitions import promoted, with_canary, with_shadow

NOW = datetime(2026, 6, 1, tzinfo=UTC)
OLD = NOW - timedelta(days=300)


def version(number: int) -> DeployedVersion:
    return DeployedVersion(str(number), f"{number:064x}")


def stored(number: int, made_at: datetime | None = OLD) -> StoredVersion:
    return StoredVersion(str(number), version(number).digest, made_at)


def history(*champions: int, days_apart: int = 10) -> list[Deployment]:
    """One champion after the other, the last since long ago."""
    first = Deployment(
        environment="local",
        model="m",
        sequence=1,
        champion=version(champions[0]),
        author="ana@home",
        reason="published",
        created_at=OLD,
    )
    found = [first]
    for number in champions[1:]:
        at = found[-1].created_at + timedelta(days=days_apart)
        found.append(replace(promoted(found[-1], version(number)), created_at=at))
    return found


def gone(
    stored: list[StoredVersion], past: list[Deployment], keep_champions: int = 2
) -> set[str | None]:
    found = collectable(stored, past, NOW, keep=timedelta(days=30), keep_champions=keep_champions)
    return {one.stored.version for one in found}


def test_old_versions_that_never_served_go_but_for_the_newest() -> None:
    assert gone([stored(n) for n in range(1, 6)], history(2)) == {"1", "3", "4"}


def test_the_last_champions_stay_for_rollbacks() -> None:
    past = history(1, 2, 3, 4)
    assert gone([stored(n) for n in range(1, 6)], past) == {"1", "2"}
    assert gone([stored(n) for n in range(1, 6)], past, keep_champions=3) == {"1"}


def test_every_role_in_force_stays() -> None:
    past = history(1, 6)
    past.append(with_shadow(with_canary(past[-1], version(2), 0.1), version(3)))
    assert gone([stored(n) for n in range(1, 7)], past, keep_champions=1) == {"4", "5"}


def test_what_was_made_or_served_lately_stays() -> None:
    young = NOW - timedelta(days=3)
    assert gone([stored(1), stored(2, young), stored(3)], history(3)) == {"1"}
    past = history(1, 2, days_apart=285)  # the first served until 15 days ago
    assert gone([stored(1), stored(2), stored(3)], past, keep_champions=1) == set()


def test_a_manifest_that_cannot_be_read_is_left_to_people() -> None:
    assert gone([stored(1, None), stored(2), stored(3)], history(3)) == {"2"}


def test_packages_without_a_number_go_when_they_are_old() -> None:
    orphans = [StoredVersion(None, "a" * 64, OLD), StoredVersion(None, "b" * 64, NOW)]
    found = collectable(
        [stored(1), *orphans], history(1), NOW, keep=timedelta(days=30), keep_champions=1
    )
    assert [one.stored.digest for one in found] == ["a" * 64]


def test_without_any_deployment_the_newest_and_the_young_stay() -> None:
    assert gone([stored(1), stored(2)], []) == {"1"}
