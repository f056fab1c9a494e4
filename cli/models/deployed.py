"""What is deployed, as far as Kafka can tell: for tables that must not fail without it."""

from collections.abc import Mapping, Sequence

from contracts.deployments import Deployment
from contracts.errors import ConfigurationError, UnreachableError
from contracts.settings import Settings

UNKNOWN = "unknown"
"""Where Kafka cannot tell."""

Histories = Mapping[str, Sequence[Deployment]]
"""Model -> its deployments, oldest first."""


def deployment_histories(settings: Settings) -> Histories | None:
    """All deployments that count; None if Kafka does not answer quickly."""
    from contracts.control_topic import read_control

    try:
        return read_control(settings, quick=True).log.history
    except (ConfigurationError, UnreachableError):
        return None


def role(histories: Histories | None, model: str, digest: str) -> str:
    """champion, canary 10%, shadow, standby, nothing, or unknown."""
    if histories is None:
        return UNKNOWN
    history = histories.get(model)
    if not history:
        return ""
    deployment = history[-1]
    if deployment.champion.digest == digest:
        return "champion"
    if deployment.canary and deployment.canary.digest == digest:
        return f"canary {deployment.canary.weight:.0%}"
    if digest in {shadow.digest for shadow in deployment.shadows}:
        return "shadow"
    return "standby" if deployment.standby and deployment.standby.digest == digest else ""


def life_cycle(histories: Histories | None, model: str, version: str, digest: str) -> str:
    """The role, or else `candidate` before a version has served anybody and `retired` after."""
    now = role(histories, model, digest)
    if now or histories is None:
        return now
    history = histories.get(model, ())
    if history and version in history[-1].retired:
        return "retired"
    return "retired" if any(past.champion.digest == digest for past in history) else "candidate"
