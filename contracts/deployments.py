"""Deployment messages: the whole desired state of one model, and which of them count.

The control topic has one partition and is never compacted; the first valid message of a
sequence number in log order wins, on every worker and for ever.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from contracts.errors import DeploymentError
from contracts.events import ModelName
from contracts.signatures import TrustedKeys, open_envelope

PAYLOAD_TYPE = "application/vnd.millrace.deployment.v1+json"
"""DSSE payload type; part of what is signed."""

Digest = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]


class DeployedVersion(Struct, frozen=True):
    """A version by number and by the sha256 of its manifest; the digest is what counts."""

    version: str
    digest: Digest


class Canary(Struct, frozen=True):
    """A version that serves a share of the entities, `weight` between 0 and 1."""

    version: str
    digest: Digest
    weight: Annotated[float, Meta(ge=0, le=1)]


class Deployment(Struct, frozen=True, kw_only=True):
    """What workers shall serve for one model. Topic `model-control`, keyed by model name."""

    environment: str
    model: ModelName
    sequence: Annotated[int, Meta(ge=1)]
    champion: DeployedVersion
    canary: Canary | None = None
    shadows: tuple[DeployedVersion, ...] = ()
    author: str
    reason: str
    created_at: datetime


class ControlLog:
    """The state of all models as read so far from the control topic.

    Args:
        environment: deployments for other environments are refused.
        trusted: public keys that may sign deployments.
    """

    def __init__(self, environment: str, trusted: TrustedKeys) -> None:
        self._environment = environment
        self._trusted = trusted
        self.history: dict[str, list[Deployment]] = {}

    def accept(self, value: bytes | None) -> Deployment:
        """Judge the next record of the control topic, in log order.

        Raises:
            SignatureError: not signed by a trusted key, or altered.
            DeploymentError: malformed, for another environment, or its sequence is taken.
        """
        try:
            deployment = msgspec.json.decode(
                open_envelope(value or b"", PAYLOAD_TYPE, self._trusted), type=Deployment
            )
        except (ValueError, RecursionError) as error:  # bytes that are not UTF-8 among them
            raise DeploymentError(f"the deployment is malformed: {error}") from error
        if deployment.environment != self._environment:
            raise DeploymentError(
                f"the deployment is for environment '{deployment.environment}', "
                f"this is '{self._environment}'"
            )
        newest = self.newest(deployment.model)
        if newest is not None and deployment.sequence <= newest.sequence:
            raise DeploymentError(
                f"sequence {deployment.sequence} of model '{deployment.model}' is not newer than "
                f"{newest.sequence}; publish again to get the next number"
            )
        self.history.setdefault(deployment.model, []).append(deployment)
        return deployment

    def newest(self, model: str) -> Deployment | None:
        """The deployment in force for a model, None if it was never deployed."""
        history = self.history.get(model)
        return history[-1] if history else None
