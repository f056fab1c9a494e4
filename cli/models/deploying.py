"""Changing what serves: every command writes one signed deployment, or none."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.models.arguments import Force, Name, NamedVersion, Reason, Version
from cli.models.tables import print_checks
from cli.options import BootstrapServers, Json
from cli.output import print_json, stderr, stdout
from contracts.deployments import Deployment
from contracts.errors import UsageError
from contracts.settings import load_settings

if TYPE_CHECKING:
    from trainer import Publication


def publish(
    name: Name,
    version: Version = None,
    reason: Reason = None,
    force: Force = False,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Make a version the champion: every running worker loads it and swaps within seconds.

    The package is verified, and the gate compares it with the champion on rows that neither was
    fitted on. The champion before stands by for a rollback. The bytes that serve already are not
    published again. Exit status 4: the gate refuses.

    Examples: `millrace models publish fraud`,
    `millrace models publish fraud 3 --reason "the newer one drifts"`,
    `millrace models publish fraud --force --reason "known to be rough, needed today"`
    """
    from trainer import deploy

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    why = _reason(reason, "published", force)
    done = _do(lambda: deploy(settings, name, version, why, force=force), json)
    champion = done.deployment.champion.version
    _tell(
        done,
        f"version {champion} of {name} is the champion now",
        f"the same bytes serve already, as version {champion} of {name}",
        json,
    )


def shadow(
    name: Name,
    version: Version = None,
    reason: Reason = None,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Let a version score every event unseen: its predictions go to `predictions.shadow` only.

    Example: `millrace models shadow fraud 4`
    """
    from trainer import start_shadow

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    done = _do(lambda: start_shadow(settings, name, version, reason or "shadow"), json)
    shadows = ", ".join(one.version for one in done.deployment.shadows)
    _tell(done, f"{name} has shadows now: {shadows}", f"it is a shadow of {name} already", json)


def canary(
    name: Name,
    version: Version = None,
    weight: Annotated[
        str, typer.Option(metavar="SHARE", help="Share of the entities, as 10% or 0.1.")
    ] = "10%",
    reason: Reason = None,
    force: Force = False,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Let a version serve a share of the entities, always the same ones.

    A greater weight later keeps those that have it already. The version must pass the gate first.
    With a [canary] section in its recipe `millrace judge` promotes it or rolls it back by itself.

    Examples: `millrace models canary fraud 4 --weight 10%`
    """
    from trainer import start_canary

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    why, share = _reason(reason, "canary", force), _share(weight)
    done = _do(lambda: start_canary(settings, name, version, share, why, force=force), json)
    one = done.deployment.canary
    serves = f"version {one.version} serves {one.weight:.4g} of the entities" if one else ""
    _tell(done, f"{serves} of {name} now", f"{serves} of {name} already", json)


def promote(
    name: Name,
    version: Annotated[
        str | None, typer.Argument(metavar="[VERSION]", help="Its version; default: the canary.")
    ] = None,
    reason: Reason = None,
    force: Force = False,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Make the canary, or a version, the champion; the one before stays loaded for a rollback.

    Examples: `millrace models promote fraud`, `millrace models promote fraud 4`
    """
    from trainer import promote as promote_version

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    why = _reason(reason, "promoted", force)
    done = _do(lambda: promote_version(settings, name, version, why, force=force), json)
    champion = done.deployment.champion.version
    _tell(
        done,
        f"version {champion} of {name} is the champion now",
        f"version {champion} of {name} is the champion already",
        json,
    )


def rollback(
    name: Name,
    to: Annotated[
        str | None, typer.Option(metavar="VERSION", help="An earlier version to go back to.")
    ] = None,
    reason: Reason = None,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """End the canary if there is one; else let the champion before serve again, at once.

    Workers have kept it loaded, so they swap in well under a second.

    Examples: `millrace models rollback fraud --reason "too many alarms"`,
    `millrace models rollback fraud --to 2`
    """
    from trainer import roll_back

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    done = _do(lambda: roll_back(settings, name, to, reason or "rolled back"), json)
    champion, before = done.deployment.champion.version, done.previous
    if before is not None and before.canary is not None and done.deployment.canary is None:
        text = f"the canary {before.canary.version} of {name} has ended: version {champion} serves"
    else:
        text = f"version {champion} of {name} serves again"
    _tell(done, text, text, json)


def retire(
    name: Name,
    version: NamedVersion,
    reason: Reason = None,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Take a version out of service for good: as canary, shadow, and for rollbacks.

    Example: `millrace models retire fraud 2 --reason "trained on leaked labels"`
    """
    from trainer import retire as retire_version

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    done = _do(lambda: retire_version(settings, name, version, reason or "retired"), json)
    _tell(
        done,
        f"version {version} of {name} is retired",
        f"version {version} of {name} is retired already",
        json,
    )


def pause(
    name: Name,
    reason: Reason = None,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Let the events of a model wait in Kafka; other models go on. Nothing is lost.

    Example: `millrace models pause fraud --reason "the upstream table is wrong"`
    """
    from trainer import pause as pause_model

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    done = _do(lambda: pause_model(settings, name, reason or "paused"), json)
    _tell(
        done,
        f"events of {name} wait now, until 'millrace models resume {name}'",
        f"{name} is paused already",
        json,
    )


def resume(
    name: Name,
    reason: Reason = None,
    bootstrap_servers: BootstrapServers = None,
    json: Json = False,
) -> None:
    """Score the events of a paused model again, those first that have waited.

    Example: `millrace models resume fraud`
    """
    from cli.models.waiting import return_waiting
    from trainer import resume as resume_model

    settings = load_settings(bootstrap_servers=bootstrap_servers)
    done = _do(lambda: resume_model(settings, name, reason or "resumed"), json)
    returned = return_waiting(settings, done.deployment)
    if json:
        print_json(
            {"changed": done.changed, "deployment": done.deployment, "events_returned": returned}
        )
        return
    stdout.print(f"{name} is scored again; {returned:,} events had waited", markup=False)


def restore(name: Name, bootstrap_servers: BootstrapServers = None, json: Json = False) -> None:
    """Write the newest deployment that the model store keeps to a Kafka that has lost it.

    Example: `millrace models restore fraud`
    """
    from trainer.deployments.archiving import restore as restore_model
    from trainer.recipes import check_model_name

    check_model_name(name)
    deployment = restore_model(load_settings(bootstrap_servers=bootstrap_servers), name)
    if json:
        print_json({"deployment": deployment})
        return
    stdout.print(
        f"version {deployment.champion.version} of {name} is the champion again (sequence "
        f"{deployment.sequence})",
        markup=False,
        soft_wrap=True,
    )


def _do(command: "Callable[[], Publication]", json: bool) -> "Publication":
    """Run a command; what the gate saw is shown, also where it refuses."""
    from trainer.gate.checks import GateError

    try:
        with stderr.status("verifying and writing …"):
            done = command()
    except GateError as error:
        if json:
            print_json({"changed": False, "gate": error.report})
        else:
            print_checks(error.report.checks)
        raise
    if done.gate is not None and not json:
        print_checks(done.gate.checks)
    return done


def _tell(done: "Publication", changed: str, unchanged: str, json: bool) -> None:
    if json:
        print_json({"changed": done.changed, "deployment": done.deployment, "gate": done.gate})
        return
    text = f"{changed} ({_place(done.deployment, done.previous)})"
    if not done.changed:
        text = f"{unchanged} (sequence {done.deployment.sequence}): nothing to do"
    stdout.print(text, markup=False, soft_wrap=True)


def _place(deployment: Deployment, previous: Deployment | None) -> str:
    before = previous.champion.version if previous else None
    if before is None or before == deployment.champion.version:
        return f"sequence {deployment.sequence}"
    return f"sequence {deployment.sequence}; it was version {before}"


def _reason(given: str | None, otherwise: str, force: bool) -> str:
    if force and not (given and given.strip()):
        raise UsageError("--force needs a --reason TEXT: it is recorded, for ever")
    return given or otherwise


def _share(text: str) -> float:
    """10%, 10 % or 0.1 as a number."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*(%?)\s*", text)
    if found is None:
        raise UsageError(f"'{text}' is no share: give it as 10% or 0.1")
    return float(found[1]) / (100 if found[2] else 1)
