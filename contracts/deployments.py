"""Deployment messages: the whole desired state of one model, and which of them count.

The control topic has one partition and is never compacted; the first valid message of a
sequence number in log order wins, on every worker and for ever.

Whether a message is valid is a matter of the keys that are trusted: when they change, the log is
judged anew from its beginning, so that a worker that runs decides as one does that starts.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from contracts.errors import DeploymentError
from contracts.events import ModelName
from contracts.keys import TrustedKeys
from contracts.not_unpacked import NOT_UNPACKED_DETAIL, NotUnpacked
from contracts.signatures import open_envelope

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
    """What workers shall serve for one model. Topic `model-control`, keyed by model name.

    Args:
        champion: serves every entity that no canary serves.
        canary: serves its share of the entities.
        shadows: score every event too; their answers go to `predictions.shadow` alone.
        standby: the champion before this one. Workers keep it loaded, so that a rollback swaps
            without loading.
        retired: versions that are not to serve again.
        paused: events wait in Kafka instead of being scored.
        forced: why the gate was overruled; None: it agreed, or was not asked (rollbacks).
    """

    environment: str
    model: ModelName
    sequence: Annotated[int, Meta(ge=1)]
    champion: DeployedVersion
    canary: Canary | None = None
    shadows: tuple[DeployedVersion, ...] = ()
    standby: DeployedVersion | None = None
    retired: tuple[str, ...] = ()
    paused: bool = False
    forced: str | None = None
    author: str
    reason: str
    created_at: Annotated[datetime, Meta(tz=True)]

    @property
    def versions(self) -> dict[str, Canary | DeployedVersion]:
        """Everything that it has workers load, by digest."""
        named = (self.champion, self.canary, *self.shadows, self.standby)
        return {version.digest: version for version in named if version is not None}


class ControlLog:
    """The state of all models as read so far from the control topic.

    Args:
        environment: deployments for other environments are refused.
        trusted: public keys that may sign deployments.
    """

    def __init__(self, environment: str, trusted: TrustedKeys) -> None:
        self._environment = environment
        self.trusted = trusted
        self.history: dict[str, list[Deployment]] = {}

    def accept(self, value: bytes | None, at: datetime | None) -> Deployment:
        """Judge the next record of the control topic, in log order.

        Args:
            at: when Kafka appended the record, by which its key must count: a worker that starts
                years later must decide as those did that ran. None: only its writer says when.

        Raises:
            SignatureError: not signed by a trusted key, or not in its time, or altered.
            DeploymentError: malformed, for another environment, its sequence is taken, or it came
                in a batch that nobody should unpack.
        """
        if isinstance(value, NotUnpacked):
            raise DeploymentError(NOT_UNPACKED_DETAIL)
        signed = open_envelope(value or b"", PAYLOAD_TYPE, self.trusted)
        signed.key.require_valid(at)
        try:
            deployment = msgspec.json.decode(signed.payload, type=Deployment)
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
