"""From the deployment in force to the next one: what each command means. Pure."""

from msgspec.structs import replace

from contracts.deployments import Canary, DeployedVersion, Deployment
from contracts.errors import UsageError


def promoted(before: Deployment, version: DeployedVersion) -> Deployment:
    """The version serves everybody; what served before it stands by for a rollback."""
    if version.digest == before.champion.digest:
        return before
    _refuse_retired(before, version)
    return replace(_without(before, version.digest), champion=version, standby=before.champion)


def with_canary(before: Deployment, version: DeployedVersion, weight: float) -> Deployment:
    """The version serves a share of the entities, in place of any canary there was.

    Args:
        weight: above 0, below 1. A greater weight than before leaves those with the canary that
            had it, and adds others.
    """
    _refuse_champion(before, version, "its canary")
    _refuse_retired(before, version)
    if not 0 < weight < 1:
        raise UsageError(
            f"a canary serves more than 0 % and less than 100 % of the entities, not {weight:.0%}: "
            "'millrace models promote' gives a version all of them"
        )
    canary = Canary(version.version, version.digest, weight)
    return replace(_without(before, version.digest), canary=canary)


def with_shadow(before: Deployment, version: DeployedVersion) -> Deployment:
    """The version scores every event too, seen by nobody who acts on predictions."""
    _refuse_champion(before, version, "its shadow")
    _refuse_retired(before, version)
    if version in before.shadows:
        return before
    remaining = _without(before, version.digest)
    return replace(remaining, shadows=(*remaining.shadows, version))


def rolled_back(before: Deployment) -> Deployment:
    """Undo the last step: the canary serves no longer, or else the champion before serves again.

    What is rolled back from does not stand by: a second rollback must not bring it back.
    """
    if before.canary is not None:
        return replace(before, canary=None)
    if before.standby is None:
        raise UsageError(
            f"there is nothing to roll '{before.model}' back to: name an earlier version, as in "
            f"'millrace models rollback {before.model} --to VERSION'; see 'millrace models "
            f"history {before.model}'"
        )
    return replace(before, champion=before.standby, standby=None)


def canary_promoted(before: Deployment, version: DeployedVersion) -> Deployment:
    """The canary serves everybody, if it still is the canary."""
    _require_canary(before, version)
    return promoted(before, version)


def canary_ended(before: Deployment, version: DeployedVersion) -> Deployment:
    """The canary serves nobody any more, if it still is the canary."""
    _require_canary(before, version)
    return replace(before, canary=None)


def rolled_back_to(before: Deployment, version: DeployedVersion) -> Deployment:
    """An earlier champion serves again."""
    _refuse_champion(before, version, "what it is rolled back to")
    _refuse_retired(before, version)
    return replace(_without(before, version.digest), champion=version, canary=None, standby=None)


def with_retired(before: Deployment, version: DeployedVersion) -> Deployment:
    """The version serves in no role any more, and is not to serve again."""
    _refuse_champion(before, version, "retired: promote another version, or roll back, first")
    if version.version in before.retired:
        return before
    remaining = _without(before, version.digest)
    return replace(remaining, retired=(*remaining.retired, version.version))


def _without(before: Deployment, digest: str) -> Deployment:
    """The deployment without a version in any role but the champion's."""
    canary, standby = before.canary, before.standby
    return replace(
        before,
        canary=canary if canary and canary.digest != digest else None,
        shadows=tuple(shadow for shadow in before.shadows if shadow.digest != digest),
        standby=standby if standby and standby.digest != digest else None,
    )


def _require_canary(before: Deployment, version: DeployedVersion) -> None:
    if before.canary is None or before.canary.digest != version.digest:
        raise UsageError(
            f"version {version.version} is not the canary of '{before.model}' any more"
        )


def _refuse_champion(before: Deployment, version: DeployedVersion, what: str) -> None:
    if version.digest == before.champion.digest:
        raise UsageError(
            f"version {version.version} is the champion of '{before.model}' and cannot be {what}"
        )


def _refuse_retired(before: Deployment, version: DeployedVersion) -> None:
    if version.version in before.retired:
        raise UsageError(
            f"version {version.version} of '{before.model}' is retired; train a new one"
        )
