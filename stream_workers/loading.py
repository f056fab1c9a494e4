"""From a deployment to loaded versions: read, verify, load and check, or keep what serves."""

import time
from collections.abc import Callable

import structlog
from msgspec import Struct
from msgspec.structs import replace

from contracts.deployments import Canary, DeployedVersion, Deployment
from contracts.errors import MillraceError, PackageError, UnreachableError
from contracts.events import ModelRef, Role
from contracts.keys import TrustedKeys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.packages import Manifest, Package
from contracts.scorer import Scorer
from contracts.settings import ModelRuntime
from stream_workers.serving import LoadedVersion, ServedModel

log = structlog.get_logger("stream_workers.loading")

_OFTEN_SECONDS, _RARELY_SECONDS = 0.25, 5.0
Loaded = Callable[[Deployment, str, str, str, float], None]
"""Called for each version that was loaded: deployment, role, version, digest, milliseconds."""


class NotInStoreError(PackageError):
    """The store does not give a package, or not now: trying again may help."""


class Awaited(Struct):
    """A deployment of which the store does not give a package yet, since when, and whether that
    has been told."""

    deployment: Deployment
    since: float
    told: bool
    tried_at: float = 0.0

    def due(self, now: float) -> bool:
        """Whether to try again: ever and again, but rarely once nobody is patient any more."""
        return now - self.tried_at >= (_RARELY_SECONDS if self.told else _OFTEN_SECONDS)


class VersionLoader:
    """Loads what deployments name; a digest already loaded is used again.

    Args:
        retry_seconds: how long to wait for a package that the store cannot give (yet).
        runtime: what answers for models.
        allow_pickle: whether payloads that need unpickling are loaded.
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
        *,
        allow_pickle: bool = True,
    ) -> None:
        self._store = store
        self._environment = environment
        self.trusted = trusted
        self._retry_seconds = retry_seconds
        self._runtime = runtime
        self._allow_pickle = allow_pickle
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
        warm = current.loaded if current else {}
        patience = self._retry_seconds if wait else 0.0

        def loaded(
            wanted: DeployedVersion | Canary, role: Role, called: str | None = None
        ) -> LoadedVersion:
            ref = ModelRef(deployment.model, wanted.version, role)
            if wanted.digest in warm:
                return replace(warm[wanted.digest], ref=ref)
            began = time.perf_counter()
            manifest, scorer = self._from_store(deployment.model, wanted, patience)
            milliseconds = (time.perf_counter() - began) * 1000
            self._on_loaded(deployment, called or role, wanted.version, wanted.digest, milliseconds)
            return LoadedVersion(ref, wanted.digest, scorer, manifest.background)

        def stands_by(wanted: DeployedVersion | None) -> LoadedVersion | None:
            try:
                return loaded(wanted, "champion", "standby") if wanted else None
            except MillraceError as error:  # no reason not to serve what is to serve
                log.warning("nothing stands by for a rollback", reason=str(error))
                return None

        return ServedModel(
            deployment,
            loaded(deployment.champion, "champion"),
            loaded(deployment.canary, "canary") if deployment.canary else None,
            tuple(loaded(shadow, "shadow") for shadow in deployment.shadows),
            stands_by(deployment.standby),
        )

    def _from_store(
        self, model: str, wanted: DeployedVersion | Canary, patience: float
    ) -> tuple[Manifest, Scorer]:
        manifest, scorer = load_scorer(
            self._read(model, wanted.digest, patience),
            digest=wanted.digest,
            environment=self._environment,
            trusted=self.trusted,
            runtime=self._runtime,
            allow_pickle=self._allow_pickle,
        )
        if (manifest.model, manifest.version) != (model, wanted.version):
            raise PackageError(
                f"the package is version {manifest.version} of '{manifest.model}', the "
                f"deployment says version {wanted.version} of '{model}'"
            )
        return manifest, scorer

    def _read(self, model: str, digest: str, patience: float) -> Package:
        deadline = time.monotonic() + patience
        while True:
            try:
                return self._store.read(model, digest)
            except (UnreachableError, PackageError) as error:
                if time.monotonic() >= deadline:
                    raise NotInStoreError(str(error)) from error
                time.sleep(_OFTEN_SECONDS)
