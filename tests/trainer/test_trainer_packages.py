"""A package is refused before a byte of it is unpickled, if any byte is not as it was signed."""

import io
import threading
from pathlib import Path

import joblib
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from contracts.errors import GoldenSampleError, PackageError, SignatureError
from contracts.events import Classification
from contracts.keys import load_private_key, load_trusted_keys
from contracts.model_store import ModelStore
from contracts.package_loading import load_scorer
from contracts.packages import Manifest, Package, Payload, sha256, sign_package
from contracts.settings import Settings
from trainer import Recipe, train
from trainer.packaging import store_package


class Burglar:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (self.path,))


@pytest.fixture
def package(offline: Settings, orders: Path) -> Package:
    trained = train(Recipe(model="m", data=str(orders), target="fraud"), offline)
    return ModelStore(offline.store_url).read("m", trained.digest)


@pytest.fixture
def footprint(tmp_path: Path) -> Path:
    return tmp_path / "unpickled"


def load(package: Package, settings: Settings, digest: str | None = None) -> None:
    trusted = load_trusted_keys(settings.keys, "packages")
    load_scorer(package, digest=digest or package.digest, environment="local", trusted=trusted)


def burgled(package: Package, footprint: Path) -> tuple[Package, Manifest]:
    """The package with another payload, and a manifest that would fit it."""
    buffer = io.BytesIO()
    joblib.dump(Burglar(footprint), buffer)
    payload = buffer.getvalue()
    manifest = msgspec.json.decode(package.manifest, type=Manifest)
    manifest = replace(manifest, payload=Payload("joblib", sha256(payload), len(payload)))
    return replace(package, payload=payload), manifest


def test_what_was_stored_loads(package: Package, offline: Settings) -> None:
    load(package, offline)


def test_the_burglar_does_leave_a_footprint(package: Package, footprint: Path) -> None:
    """Else the tests below would prove nothing."""
    joblib.load(io.BytesIO(burgled(package, footprint)[0].payload))
    assert footprint.exists()


def test_an_altered_payload_is_not_unpickled(
    package: Package, offline: Settings, footprint: Path
) -> None:
    with pytest.raises(PackageError, match="it was altered"):
        load(burgled(package, footprint)[0], offline)
    assert not footprint.exists()


def test_an_altered_manifest_is_not_unpickled(
    package: Package, offline: Settings, footprint: Path
) -> None:
    altered, manifest = burgled(package, footprint)
    altered = replace(altered, manifest=msgspec.json.encode(manifest))
    with pytest.raises(PackageError, match="not the one with sha256"):
        load(altered, offline, digest=package.digest)
    with pytest.raises(PackageError, match="belongs to another manifest"):
        load(altered, offline)
    assert not footprint.exists()


def test_a_package_signed_by_a_stranger_is_not_unpickled(
    package: Package, offline: Settings, footprint: Path
) -> None:
    altered, manifest = burgled(package, footprint)
    forged = sign_package(manifest, altered.payload, Ed25519PrivateKey.generate())
    with pytest.raises(SignatureError, match="trusted keys here"):
        load(forged, offline)
    assert not footprint.exists()


def test_an_altered_signature_is_not_unpickled(
    package: Package, offline: Settings, footprint: Path
) -> None:
    altered, manifest = burgled(package, footprint)
    stranger = sign_package(manifest, altered.payload, Ed25519PrivateKey.generate())
    trusted = load_trusted_keys(offline.keys, "packages")
    envelope = msgspec.json.decode(stranger.signature)
    envelope["signatures"][0]["keyid"] = next(iter(trusted))
    forged = replace(stranger, signature=msgspec.json.encode(envelope))
    with pytest.raises(SignatureError, match="the content was altered"):
        load(forged, offline)
    assert not footprint.exists()


def test_a_model_that_answers_differently_is_refused(package: Package, offline: Settings) -> None:
    manifest = msgspec.json.decode(package.manifest, type=Manifest)
    sample = manifest.golden[0]
    other = Classification("no", 0.9, {"no": 0.9, "yes": 0.1})
    wrong = replace(manifest, golden=(replace(sample, prediction=other), *manifest.golden[1:]))
    key = load_private_key(offline.keys, "packages")
    with pytest.raises(GoldenSampleError, match="golden sample 0"):
        load(sign_package(wrong, package.payload, key), offline)


def test_two_trainers_at_once_get_two_versions(package: Package, offline: Settings) -> None:
    manifest = msgspec.json.decode(package.manifest, type=Manifest)
    key = load_private_key(offline.keys, "packages")
    together = threading.Barrier(6)
    stored: list[tuple[Manifest, str]] = []

    def trainer(number: int) -> None:
        draft = replace(manifest, created_by=f"trainer {number}")
        together.wait(30)
        stored.append(store_package(ModelStore(offline.store_url), draft, package.payload, key))

    threads = [threading.Thread(target=trainer, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    versions = ModelStore(offline.store_url).versions("m")
    assert sorted(manifest.version for manifest, _ in stored) == list("234567")
    assert {m.version: digest for m, digest in stored} | {"1": package.digest} == versions


def test_the_payload_is_compressed(package: Package) -> None:
    model = joblib.load(io.BytesIO(package.payload))
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    assert len(package.payload) < len(buffer.getvalue()) / 1.5
