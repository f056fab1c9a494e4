"""What is deployed, as far as Kafka can tell: for tables that must not fail without it."""

from contracts.deployments import Deployment
from contracts.errors import ConfigurationError, UnreachableError
from contracts.settings import Settings

UNKNOWN = "unknown"
"""Where Kafka cannot tell."""


def deployments_in_force(settings: Settings) -> dict[str, Deployment] | None:
    """Model -> its newest deployment; None if Kafka does not answer quickly."""
    from trainer.control_topic import read_control

    try:
        history = read_control(settings, quick=True).log.history
    except (ConfigurationError, UnreachableError):
        return None
    return {model: deployments[-1] for model, deployments in history.items()}


def role(deployments: dict[str, Deployment] | None, model: str, digest: str) -> str:
    """champion, canary 10%, shadow, nothing, or unknown."""
    if deployments is None:
        return UNKNOWN
    deployment = deployments.get(model)
    if deployment is None:
        return ""
    if deployment.champion.digest == digest:
        return "champion"
    if deployment.canary and deployment.canary.digest == digest:
        return f"canary {deployment.canary.weight:.0%}"
    return "shadow" if digest in {shadow.digest for shadow in deployment.shadows} else ""
