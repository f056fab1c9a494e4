"""From a deployment to loaded versions: read, verify, load and check, or keep what serves."""

import time
from collections.abc import Callable
from typing import Literal

from contracts.deployments import Canary, DeployedVersion, Deployment
from contracts.errors import PackageError, UnreachableError
from contracts.events import ModelRef, Role
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.packages import Package
from contracts.scorer import Scorer
from contracts.settings import ModelRuntime
from contracts.signatures import TrustedKeys
from stream_workers.serving import LoadedVersion, ServedModel

Loaded = Callable[[Deployment, Literal["champion", "canary", "shadow"], str, str, float], None]
"""Called for each version that was loaded: deployment, role, version, digest, milliseconds."""


class NotInStoreError(PackageError):
    """The store does not give a package, or not now: trying again may help."""


class VersionLoader:
    """Loads what deployments name; a digest already loaded is used again.

    Args:
        retry_seconds: how long to wait for a package that the store cannot give (yet).
        runtime: what answers for models.
        on_loaded: told of every version loaded from the store.
    """

    def __init__(
        self,
        store: ModelStore,
        environment: str,
        trusted: TrustedKeys,
        retry_seconds: float,
        runtime: ModelRuntime,
        on_loaded: Loaded,
    ) -> None:
        self._store = store
        self._environment = environment
        self._trusted = trusted
        self._retry_seconds = retry_seconds
        self._runtime = runtime
        self._on_loaded = on_loaded

    def load(
        self, deployment: Deployment, current: ServedModel | None, wait: bool = True
    ) -> ServedModel:
        """Load every version of a deployment, or none.

        Args:
            current: what serves now; versions of it are used again.
            wait: for a package that the store cannot give yet.

        Raises:
            NotInStoreError: the store does not give one of them.
            MillraceError: one of them is refused; what serves now must go on.
        """
        warm = _scorers(current)
        patience = self._retry_seconds if wait else 0.0

        def loaded(wanted: DeployedVersion | Canary, role: Role) -> LoadedVersion:
            scorer = warm.get(wanted.digest)
            if scorer is None:
                began = time.perf_counter()
                scorer = self._from_store(deployment.model, wanted, patience)
                milliseconds = (time.perf_counter() - began) * 1000
                self._on_loaded(deployment, role, wanted.version, wanted.digest, milliseconds)
            return LoadedVersion(
                ModelRef(deployment.model, wanted.version, role), wanted.digest, scorer
            )

        return ServedModel(
            deployment,
            loaded(deployment.champion, "champion"),
            loaded(deployment.canary, "canary") if deployment.canary else None,
            tuple(loaded(shadow, "shadow") for shadow in deployment.shadows),
        )

    def _from_store(self, model: str, wanted: DeployedVersion | Canary, patience: float) -> Scorer:
        manifest, scorer = load_scorer(
            self._read(model, wanted.digest, patience),
            digest=wanted.digest,
            environment=self._environment,
            trusted=self._trusted,
            runtime=self._runtime,
        )
        if (manifest.model, manifest.version) != (model, wanted.version):
            raise PackageError(
                f"the package is version {manifest.version} of '{manifest.model}', the "
                f"deployment says version {wanted.version} of '{model}'"
            )
        return scorer

    def _read(self, model: str, digest: str, patience: float) -> Package:
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._store.read(model, digest)
            except (UnreachableError, PackageError) as error:
                if time.monotonic() >= deadline:
                    raise NotInStoreError(str(error)) from error
                time.sleep(0.25)


def _scorers(served: ServedModel | None) -> dict[str, Scorer]:
    if served is None:
        return {}
    versions = (served.champion, *([served.canary] if served.canary else []), *served.shadows)
    return {version.digest: version.scorer for version in versions}
