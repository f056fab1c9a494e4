"""Manifests of packages in the model store: verified as a worker would, and nothing loaded."""

from contracts.keys import load_trusted_keys
from contracts.model_store import ModelStore
from contracts.packages import Manifest, verify_package
from contracts.settings import Settings


def verified_manifest(settings: Settings, model: str, digest: str) -> Manifest:
    """Read the manifest of a package.

    Raises:
        SignatureError, PackageError: a worker would refuse it.
        UnreachableError: the store does not answer.
    """
    return verify_package(
        ModelStore(settings.store_url).read(model, digest),
        digest=digest,
        environment=settings.environment,
        trusted=load_trusted_keys(settings.keys, "packages"),
    )
