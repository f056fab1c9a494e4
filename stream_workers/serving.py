"""What a worker serves right now: an immutable picture that is replaced whole between batches."""

import zlib
from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from contracts.deployments import Deployment
from contracts.events import FeatureValue, ModelRef
from contracts.scorer import Scorer

WITHDRAWN = (
    "no deployment of it is signed by a trusted key any more; what is loaded goes on, but workers "
    "that start serve nothing of it: publish it anew"
)
"""What is said of a model whose deployments have all lost their key."""


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
    """All models of a worker.

    Args:
        unavailable: deployed, but no version could be loaded -> why.
        paused: models whose events wait -> by which deployment. What was loaded of them stays in
            `models`, for when they are resumed.
        withdrawn: models that go on although no deployment of theirs counts any more.
    """

    models: Mapping[str, ServedModel] = {}
    unavailable: Mapping[str, str] = {}
    paused: Mapping[str, Deployment] = {}
    withdrawn: frozenset[str] = frozenset()

    def in_effect(self, model: str) -> Deployment | None:
        """The deployment by which a model is served or paused."""
        served = self.models.get(model)
        return self.paused.get(model) or (served.deployment if served else None)

    def with_served(self, served: ServedModel) -> "Serving":
        """A model is served so from now on."""
        model = served.deployment.model
        rest = self._without(model)
        return replace(rest, models={**rest.models, model: served})

    def with_paused(self, deployment: Deployment) -> "Serving":
        """The events of a model wait from now on; nothing needs to be loaded for that."""
        model = deployment.model
        rest = self._without(model)
        return replace(rest, paused={**rest.paused, model: deployment})

    def with_unavailable(self, model: str, why: str) -> "Serving":
        """No version of a model could be loaded."""
        return replace(self, unavailable={**self.unavailable, model: why})

    def with_withdrawn(self, model: str) -> "Serving":
        """No deployment of a model counts any more; what is in effect goes on."""
        if self.in_effect(model) is None:
            return self._without(model)
        return replace(self, withdrawn=self.withdrawn | {model})

    def confirmed(self, model: str) -> "Serving":
        """The deployment in effect counts."""
        return replace(self, withdrawn=self.withdrawn - {model})

    def _without(self, model: str) -> "Serving":
        """Nothing is said of a model but what is loaded of it."""
        return Serving(
            self.models,
            {name: why for name, why in self.unavailable.items() if name != model},
            {name: by for name, by in self.paused.items() if name != model},
            self.withdrawn - {model},
        )


def routing_share(model: str, entity_id: str) -> float:
    """Place an entity evenly in [0, 1); salted with the model so that models choose apart."""
    return zlib.crc32(f"{model}\0{entity_id}".encode()) / 2**32
