"""What a worker serves right now: an immutable picture that is replaced whole between batches."""

import zlib
from collections.abc import Mapping

from msgspec import Struct

from contracts.deployments import Deployment
from contracts.events import FeatureValue, ModelRef
from contracts.scorer import Scorer


class LoadedVersion(Struct, frozen=True):
    """A version that was verified, loaded and checked; `background`: what explanations of its
    predictions start from."""

    ref: ModelRef
    digest: str
    scorer: Scorer
    background: tuple[dict[str, FeatureValue], ...] = ()


class ServedModel(Struct, frozen=True):
    """The versions of one model as its deployment wants them; `standby` is only kept loaded."""

    deployment: Deployment
    champion: LoadedVersion
    canary: LoadedVersion | None = None
    shadows: tuple[LoadedVersion, ...] = ()
    standby: LoadedVersion | None = None

    @property
    def loaded(self) -> dict[str, LoadedVersion]:
        """All that is loaded, by digest."""
        versions = (self.standby, *self.shadows, self.canary, self.champion)
        return {version.digest: version for version in versions if version is not None}

    @property
    def roles(self) -> dict[str, str]:
        """Version -> what it does."""
        roles = {} if self.standby is None else {self.standby.ref.version: "standby"}
        served = (*self.shadows, self.canary, self.champion)
        return roles | {v.ref.version: v.ref.role for v in served if v is not None}

    def version_for(self, entity_id: str) -> LoadedVersion:
        """The version that serves an entity: always the same while the deployment stands."""
        if self.canary is None or self.deployment.canary is None:
            return self.champion
        share = routing_share(self.deployment.model, entity_id)
        return self.canary if share < self.deployment.canary.weight else self.champion


class Serving(Struct, frozen=True):
    """All models of a worker. `unavailable`: deployed, but no version could be loaded -> why."""

    models: Mapping[str, ServedModel] = {}
    unavailable: Mapping[str, str] = {}


def routing_share(model: str, entity_id: str) -> float:
    """Place an entity evenly in [0, 1); salted with the model so that models choose apart."""
    return zlib.crc32(f"{model}\0{entity_id}".encode()) / 2**32
