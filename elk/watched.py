"""The models that are watched: what is deployed, and the manifests of all that ever served."""

from collections.abc import Mapping
from typing import Protocol

import structlog
from msgspec import Struct

from contracts.control_topic import read_control
from contracts.deployments import Deployment
from contracts.errors import PackageError, SignatureError
from contracts.manifests import verified_manifest
from contracts.packages import Manifest
from contracts.settings import Settings

log = structlog.stdlib.get_logger("elk")


class Measurable(Protocol):
    """A model and the verified manifests of its versions."""

    @property
    def name(self) -> str:
        """Of the model."""

    @property
    def versions(self) -> Mapping[str, Manifest]:
        """By number."""


class WatchedModel(Struct, frozen=True):
    """A model with a deployment in force.

    Args:
        deployment: the one in force.
        versions: version -> its verified manifest; of every version that a deployment has named so
            far, but for those whose packages are not there any more or cannot be trusted.
    """

    name: str
    deployment: Deployment
    versions: Mapping[str, Manifest]


class Watched:
    """Reads the control topic and the model store; each package once, since none ever changes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[str, Manifest] = {}
        self._refused: dict[str, str] = {}

    def models(self) -> list[WatchedModel]:
        """All models of this moment, by name.

        Raises:
            UnreachableError: Kafka or the model store does not answer.
            AccessError, ConfigurationError: it cannot be read like this.
        """
        history = read_control(self._settings).log.history
        found = []
        for name, deployments in sorted(history.items()):
            digests = {
                version.version: digest
                for deployment in deployments
                for digest, version in deployment.versions.items()
            }
            manifests = {v: self._manifest(name, v, digest) for v, digest in digests.items()}
            verified = {v: manifest for v, manifest in manifests.items() if manifest is not None}
            found.append(WatchedModel(name, deployments[-1], verified))
        return found

    def _manifest(self, model: str, version: str, digest: str) -> Manifest | None:
        if digest not in self._known:
            try:
                self._known[digest] = verified_manifest(self._settings, model, digest)
            except (PackageError, SignatureError) as error:
                if self._refused.get(digest) != str(error):  # told once
                    log.warning(
                        "a version is not watched", model=model, version=version, why=str(error)
                    )
                self._refused[digest] = str(error)
        return self._known.get(digest)
