"""Changing what serves: the next signed deployment of a model, and whether it won."""

from collections.abc import Callable
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from contracts.control_topic import read_control
from contracts.deployments import DeployedVersion, Deployment
from contracts.errors import UsageError
from contracts.keys import load_private_key
from contracts.model_store import ModelStore
from contracts.settings import Settings
from trainer.announcing import announce_deployed, announce_gate
from trainer.author import author
from trainer.deployments import transitions
from trainer.deployments.answer import Answer, require_judged
from trainer.deployments.archiving import archive
from trainer.deployments.control_writer import require_won, sealed, write
from trainer.gate.checks import GateError, GateReport
from trainer.recipes import check_model_name

Step = Callable[[Deployment], Deployment]


class Publication(Struct, frozen=True):
    """The deployment in force after a command.

    `changed` is False if it was so already and nothing was written; `previous` is what was in
    force before; `gate` is what the gate saw, where it was asked.
    """

    deployment: Deployment
    changed: bool
    previous: Deployment | None
    gate: GateReport | None = None


def publish(
    settings: Settings, model: str, version: str | None = None, reason: str = "published"
) -> Deployment:
    """Make a version the champion; see `deploy`, whose deployment this returns."""
    return deploy(settings, model, version, reason).deployment


def deploy(
    settings: Settings,
    model: str,
    version: str | None = None,
    reason: str = "published",
    *,
    force: bool = False,
    better: bool = False,
    answer: Answer | None = None,
) -> Publication:
    """Make a version the champion on every worker; the one before stands by for a rollback.

    The package is verified, loaded and held against the gate first, so that nothing unsigned,
    altered, made for other libraries or worse than what serves is ever published. A canary and
    shadows stay, but for those that are the champion now.

    Args:
        version: None: the newest in the store.
        force: publish what the gate refuses; `reason` is recorded as why.
        better: the gate refuses what is not better than the champion by the telling figure.
        answer: what it comes from, where nobody asked for it.

    Raises:
        UsageError: the store has no such model or version, or it is retired.
        SignatureError, PackageError: a worker would refuse the package.
        GateError: the gate refuses it; the error has the report.
        ConfigurationError: no key to sign deployments, no Kafka, or no control topic.
        UnreachableError, DeliveryError: Kafka or the store does not answer.
        DeploymentError: another publisher won the sequence number, or deployed since `answer`.
    """
    step = transitions.promoted
    return _put_into_traffic(settings, model, version, reason, force, step, answer, better)


def start_canary(
    settings: Settings,
    model: str,
    version: str | None,
    weight: float,
    reason: str,
    *,
    force: bool = False,
    answer: Answer | None = None,
) -> Publication:
    """Let a version serve a share of the entities; raises as `deploy`."""

    def step(before: Deployment, found: DeployedVersion) -> Deployment:
        return transitions.with_canary(before, found, weight)

    return _put_into_traffic(settings, model, version, reason, force, step, answer)


def start_shadow(settings: Settings, model: str, version: str | None, reason: str) -> Publication:
    """Let a version score every event unseen; raises as `deploy`, but for the gate, which it need
    not pass."""
    before = _in_force(settings, model)
    found = ModelStore(settings.store_url).find(model, version)
    return _change(settings, before, transitions.with_shadow(before, found), reason)


def promote(
    settings: Settings,
    model: str,
    version: str | None = None,
    reason: str = "promoted",
    *,
    force: bool = False,
) -> Publication:
    """Make the canary, or the version named, the champion; raises as `deploy`."""
    if version is None:
        canary = _in_force(settings, model).canary
        if canary is None:
            raise UsageError(
                f"'{model}' has no canary to promote: name a version, as in 'millrace models "
                f"promote {model} VERSION'"
            )
        version = canary.version
    return deploy(settings, model, version, reason, force=force)


def roll_back(
    settings: Settings, model: str, to: str | None = None, reason: str = "rolled back"
) -> Publication:
    """End the canary, or else let the champion before serve again, or the one named.

    The gate is not asked: what serves is worse than anybody thought.

    Raises:
        UsageError: there is nothing to roll back to.
        and as `deploy`.
    """
    before = _in_force(settings, model)
    if to is None:
        return _change(settings, before, transitions.rolled_back(before), reason)
    found = ModelStore(settings.store_url).find(model, to)
    return _change(settings, before, transitions.rolled_back_to(before, found), reason)


def conclude_canary(
    settings: Settings, judged: Deployment, canary: DeployedVersion, reason: str, *, good: bool
) -> Publication:
    """Promote a canary that has shown enough, or end it, if nobody has deployed meanwhile.

    It passed the gate, or was let past it, when it became one: that is not asked again.

    Args:
        judged: the deployment that the evidence is about.

    Raises:
        UsageError: another one is in force by now.
        and as `deploy`.
    """
    before = _in_force(settings, judged.model)
    if before != judged:
        raise UsageError(
            f"'{judged.model}' was deployed anew (sequence {before.sequence}) while its canary was "
            "judged: it is judged again"
        )
    step = transitions.canary_promoted if good else transitions.canary_ended
    return _change(settings, before, step(before, canary), reason)


def retire(settings: Settings, model: str, version: str, reason: str = "retired") -> Publication:
    """Take a version out of service for good; raises as `deploy`, but for the gate."""
    before = _in_force(settings, model)
    found = ModelStore(settings.store_url).find(model, version)
    return _change(settings, before, transitions.with_retired(before, found), reason)


def pause(settings: Settings, model: str, reason: str = "paused") -> Publication:
    """Let the events of a model wait; raises as `deploy`, but for the gate."""
    before = _in_force(settings, model)
    return _change(settings, before, replace(before, paused=True), reason)


def resume(settings: Settings, model: str, reason: str = "resumed") -> Publication:
    """Score the events of a model again; raises as `deploy`, but for the gate."""
    before = _in_force(settings, model)
    return _change(settings, before, replace(before, paused=False), reason)


def _in_force(settings: Settings, model: str) -> Deployment:
    check_model_name(model)
    load_private_key(settings.keys, "deployments")  # before the work, not after it
    found = read_control(settings).log.newest(model)
    if found is None:
        raise UsageError(
            f"model '{model}' is not deployed: publish it first with 'millrace models publish "
            f"{model}'"
        )
    return found


def _put_into_traffic(
    settings: Settings,
    model: str,
    version: str | None,
    reason: str,
    force: bool,
    step: Callable[[Deployment, DeployedVersion], Deployment],
    answer: Answer | None,
    better: bool = False,
) -> Publication:
    """Take a step that has a version answer to people: past the gate, or by force."""
    check_model_name(model)
    load_private_key(settings.keys, "deployments")
    found = ModelStore(settings.store_url).find(model, version)
    before = read_control(settings).log.newest(model)
    require_judged(answer, before)
    if before is not None:
        wanted = step(before, found)
    elif step is transitions.promoted:
        wanted = _first(settings, model, found)
    else:
        raise UsageError(
            f"model '{model}' is not deployed yet: its first version is published whole, with "
            f"'millrace models publish {model} {found.version}'"
        )
    if wanted == before:
        return Publication(wanted, changed=False, previous=before)
    from trainer.gate.asking import ask_gate  # scikit-learn, which a rollback must not wait for

    report = ask_gate(settings, model, found, before, better=better)
    announce_gate(settings, report, found.digest, reason, forced=force, answer=answer)
    if not (report.passed or force):
        raise GateError(report)
    wanted = replace(wanted, forced=None if report.passed else reason)
    return _change(settings, before, wanted, reason, report, answer)


def _first(settings: Settings, model: str, champion: DeployedVersion) -> Deployment:
    """What comes before the first deployment, but for its champion."""
    return Deployment(
        environment=settings.environment,
        model=model,
        sequence=1,
        champion=champion,
        author=author(),
        reason="",
        created_at=datetime.now(UTC),
    )


def _change(
    settings: Settings,
    before: Deployment | None,
    wanted: Deployment,
    reason: str,
    report: GateReport | None = None,
    answer: Answer | None = None,
) -> Publication:
    """Write the next deployment, and learn whether it won."""
    if wanted == before:
        return Publication(wanted, changed=False, previous=before, gate=report)
    if report is None:  # the gate has loaded what is new
        _require_loadable(settings, before, wanted)
    deployment = replace(
        wanted,
        sequence=before.sequence + 1 if before else 1,
        forced=wanted.forced if report is not None else None,
        author=author(),
        reason=reason,
        created_at=datetime.now(UTC),
    )
    message = sealed(settings, deployment)
    offset = write(settings, deployment.model, message)
    require_won(read_control(settings), deployment, offset)
    announce_deployed(settings, deployment, before, offset, answer)
    archive(settings, deployment, message)
    return Publication(deployment, changed=True, previous=before, gate=report)


def _require_loadable(settings: Settings, before: Deployment | None, wanted: Deployment) -> None:
    """Load what is new in a deployment, as every worker will have to."""
    known = before.versions if before else {}
    new = {d: version for d, version in wanted.versions.items() if d not in known}
    if new:
        from trainer.deployments.versions import load_deployed  # as above

        for digest, version in new.items():
            load_deployed(settings, wanted.model, DeployedVersion(version.version, digest))
