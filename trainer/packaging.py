"""A fitted model as a signed package under the next free version number of the model store."""

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from contracts.errors import PackageError, VersionTakenError
from contracts.keys import TrustedKeys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.packages import Manifest, sign_package

ATTEMPTS = 20


def store_package(
    store: ModelStore,
    draft: Manifest,
    payload: bytes,
    key: Ed25519PrivateKey,
    onnx: bytes | None = None,
    holdout: bytes | None = None,
    reference: bytes | None = None,
) -> tuple[Manifest, str]:
    """Sign and store a package as the version after the newest one.

    Another trainer may take the number first; then the next one is tried.

    Args:
        draft: the manifest, whose version number does not count.
        onnx: the ONNX form, if the manifest names one.
        holdout: the held-out rows, if the manifest names any.
        reference: what the training data looked like, if the manifest names it.

    Returns:
        The manifest as stored, and its digest.

    Raises:
        PackageError: so many trainers at once that no number was left.
        UnreachableError: the store did not take it.
    """
    newest = max(map(int, store.versions(draft.model)), default=0)
    for number in range(newest + 1, newest + 1 + ATTEMPTS):
        manifest = replace(draft, version=str(number))
        package = sign_package(manifest, payload, key, onnx)
        try:
            store.put(manifest.model, manifest.version, package, holdout, reference)
        except VersionTakenError:
            continue
        return manifest, package.digest
    raise PackageError(f"other trainers of '{draft.model}' took every version number: train again")


def check_stored(store: ModelStore, manifest: Manifest, digest: str, trusted: TrustedKeys) -> None:
    """Load a package back from the store as a worker would.

    Raises:
        SignatureError, PackageError, GoldenSampleError: a worker would refuse it.
    """
    load_scorer(
        store.read(manifest.model, digest),
        digest=digest,
        environment=manifest.environment,
        trusted=trusted,
    )
