"""What a deployment comes from that nobody asked for."""

from msgspec import Struct

from contracts.deployments import Deployment
from contracts.errors import DeploymentError


class Answer(Struct, frozen=True):
    """The retraining behind a deployment, and the alert behind that, if any.

    Args:
        judged: the deployment that was in force when it was decided. Only that one is replaced, so
            that of two who decide the same one alone deploys.
    """

    retraining: str
    alert: str | None
    judged: Deployment


def require_judged(answer: Answer | None, before: Deployment | None) -> None:
    """Compare what is in force with what was decided about.

    Raises:
        DeploymentError: it is another one.
    """
    if answer is not None and before != answer.judged:
        raise DeploymentError(
            f"'{answer.judged.model}' was deployed anew meanwhile: it is decided again"
        )
