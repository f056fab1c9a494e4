"""Versions of the model store: found by number, and verified as a worker would."""

from msgspec import Struct

from contracts.deployments import DeployedVersion
from contracts.errors import DeploymentError
from contracts.keys import load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.packages import Manifest
from contracts.scorer import Scorer
from contracts.settings import Settings


class LoadedVersion(Struct, frozen=True):
    """A version as a worker would have it."""

    deployed: DeployedVersion
    manifest: Manifest
    scorer: Scorer


def load_deployed(settings: Settings, model: str, named: DeployedVersion) -> LoadedVersion:
    """Load what a deployment names.

    Raises:
        SignatureError, PackageError: a worker would refuse the package.
        DeploymentError: the package says that it is another version.
        UnreachableError: the store does not answer.
    """
    manifest, scorer = load_scorer(
        ModelStore(settings.store_url).read(model, named.digest),
        digest=named.digest,
        environment=settings.environment,
        trusted=load_trusted_keys(settings.keys, "packages"),
        runtime=settings.model_runtime,
    )
    if (manifest.model, manifest.version) != (model, named.version):
        raise DeploymentError(
            f"the package of version {named.version} of '{model}' says that it is version "
            f"{manifest.version} of '{manifest.model}': the store was altered; train again"
        )
    return LoadedVersion(named, manifest, scorer)
