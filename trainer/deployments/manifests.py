"""Manifests of versions that are deployed: verified as a worker would, and nothing loaded."""

from contracts.deployments import Canary, DeployedVersion
from contracts.keys import load_trusted_keys
from contracts.model_store import ModelStore
from contracts.packages import Manifest, verify_package
from contracts.settings import Settings


def verified_manifest(
    settings: Settings, model: str, version: Canary | DeployedVersion
) -> Manifest:
    """Read what a deployment names.

    Raises:
        SignatureError, PackageError: a worker would refuse it.
        UnreachableError: the store does not answer.
    """
    return verify_package(
        ModelStore(settings.store_url).read(model, version.digest),
        digest=version.digest,
        environment=settings.environment,
        trusted=load_trusted_keys(settings.keys, "packages"),
    )
