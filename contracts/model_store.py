"""The model store: packages by digest on any file system that fsspec knows.

<root>/<model>/packages/<digest>/{manifest.json, payload, signature.json}
                                /model.onnx    if the manifest names an ONNX form
                                /holdout       if the manifest names held-out rows
                                /reference     if the manifest names a reference
<root>/<model>/versions/<version>        holds the digest; written last, so it never dangles
<root>/<model>/deployments/<sequence>    a signed deployment as it stands on `model-control`

What is in `versions` can be made anew from `packages`, and the control topic from `deployments`.
"""

import fsspec
from fsspec.core import url_to_fs

from contracts.deployments import DeployedVersion
from contracts.errors import PackageError, UnreachableError, UsageError, VersionTakenError
from contracts.feature_schema import Feature
from contracts.packages import Manifest, Package, decode_manifest

DIGEST_LENGTH = 64
"""Hex digits of a sha256; a version file with less is being written at this moment."""


class ModelStore:
    """Reads and writes packages below a URL (`/a/folder`, `s3://bucket/models`, ...).

    Raises:
        UsageError: the URL needs a library that is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            fs, root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UsageError(f"the model store '{url}' cannot be used: {error}") from error
        self._fs: fsspec.AbstractFileSystem = fs
        self._root: str = root.rstrip("/")
        self.url = url

    def put(
        self,
        model: str,
        version: str,
        package: Package,
        holdout: bytes | None = None,
        reference: bytes | None = None,
    ) -> None:
        """Store a package under a version number that is not taken yet.

        Args:
            holdout: the held-out rows, if the manifest names any; no worker reads them.
            reference: what the training data looked like, if the manifest names it; the same.

        Raises:
            VersionTakenError: the version exists with other bytes, even if only since now.
            UnreachableError: the store did not take it.
        """
        folder = self._package(model, package.digest)
        for name, data in (
            ("payload", package.payload),
            ("model.onnx", package.onnx),
            ("holdout", holdout),
            ("reference", reference),
            ("manifest.json", package.manifest),
            ("signature.json", package.signature),
        ):
            if data is not None:
                self._write(f"{folder}/{name}", data)
        self.claim(model, version, package.digest)

    def versions(self, model: str) -> dict[str, str]:
        """Version -> digest of all packages of a model, oldest first."""
        folder = f"{self._root}/{model}/versions"
        names = [path.rsplit("/", 1)[1] for path in self._list(folder)]
        names = sorted((name for name in names if name.isdigit()), key=int)
        digests = {name: self._read(f"{folder}/{name}").decode().strip() for name in names}
        return {name: digest for name, digest in digests.items() if len(digest) == DIGEST_LENGTH}

    def find(self, model: str, version: str | None = None) -> DeployedVersion:
        """A version by number, or the newest.

        Raises:
            UsageError: there is none; the sentence lists those there are.
        """
        versions = self.versions(model)
        if not versions:
            known = ", ".join(self.models()) or "none"
            raise UsageError(
                f"the model store has no model '{model}': train it first, for example with "
                f"'millrace train --data FILE --target COLUMN --model {model}'; there are: {known}"
            )
        number = next(reversed(versions)) if version is None else version
        if number not in versions:
            raise UsageError(
                f"model '{model}' has no version '{number}'; it has: {', '.join(versions)}"
            )
        return DeployedVersion(number, versions[number])

    def models(self) -> list[str]:
        """Names of all models in the store."""
        return sorted(path.rsplit("/", 1)[1] for path in self._list(self._root))

    def manifest(self, model: str, digest: str) -> Manifest:
        """Read a manifest to show it; nothing is verified.

        Raises:
            PackageError: absent or malformed.
        """
        return decode_manifest(self._read(f"{self._package(model, digest)}/manifest.json"))

    def features(self, model: str, version: str | None) -> tuple[Feature, ...]:
        """The features of a version, none if it is not there or cannot be read.

        Raises:
            UnreachableError: the store does not answer.
        """
        digest = self.versions(model).get(version or "")
        try:
            return self.manifest(model, digest).schema.features if digest else ()
        except PackageError:
            return ()

    def read(self, model: str, digest: str) -> Package:
        """Read a package whole, each file once; nothing is verified.

        Raises:
            PackageError: a part of it is absent.
            UnreachableError: the store does not answer.
        """
        folder = self._package(model, digest)
        manifest = self._read(f"{folder}/manifest.json")
        return Package(
            manifest=manifest,
            payload=self._read(f"{folder}/payload"),
            signature=self._read(f"{folder}/signature.json"),
            onnx=self._read(f"{folder}/model.onnx") if _names_onnx(manifest) else None,
        )

    def holdout(self, model: str, digest: str) -> bytes:
        """The held-out rows of a package; nothing is verified.

        Raises:
            PackageError: it has none.
            UnreachableError: the store does not answer.
        """
        return self._read(f"{self._package(model, digest)}/holdout")

    def reference(self, model: str, digest: str) -> bytes:
        """What the training data of a package looked like; nothing is verified.

        Raises:
            PackageError: it has none.
            UnreachableError: the store does not answer.
        """
        return self._read(f"{self._package(model, digest)}/reference")

    def packages(self, model: str) -> list[str]:
        """Digests of all packages of a model, with a version number or without."""
        folder = f"{self._root}/{model}/packages"
        names = [path.rsplit("/", 1)[1] for path in self._list(folder)]
        return sorted(name for name in names if len(name) == DIGEST_LENGTH)

    def remove(self, model: str, version: str | None, digest: str) -> None:
        """Delete a package, its version number first, so that no number ever dangles.

        Raises:
            UnreachableError: the store did not delete it.
        """
        paths = [f"{self._root}/{model}/versions/{version}"] if version is not None else []
        try:
            for path in (*paths, self._package(model, digest)):
                if self._fs.exists(path):
                    self._fs.rm(path, recursive=True)
        except Exception as error:  # file systems have errors of their own
            raise UnreachableError(
                f"the model store {self.url} did not delete {model} {version}: {error}"
            ) from error

    def archive(self, model: str, sequence: int, deployment: bytes) -> None:
        """Keep a signed deployment that won.

        Raises:
            UnreachableError: the store did not take it.
        """
        self._write(f"{self._root}/{model}/deployments/{sequence}", deployment)

    def archived(self, model: str) -> dict[int, bytes]:
        """Sequence -> signed deployment, oldest first; nothing is verified."""
        folder = f"{self._root}/{model}/deployments"
        names = [path.rsplit("/", 1)[1] for path in self._list(folder)]
        numbers = sorted(int(name) for name in names if name.isdigit())
        return {number: self._read(f"{folder}/{number}") for number in numbers}

    def _package(self, model: str, digest: str) -> str:
        return f"{self._root}/{model}/packages/{digest}"

    def _list(self, folder: str) -> list[str]:
        try:
            # Another process may have added to it: never answer from fsspec's listing cache.
            self._fs.invalidate_cache(folder)
            return [str(path).rstrip("/") for path in self._fs.ls(folder, detail=False)]
        except FileNotFoundError:
            return []
        except Exception as error:  # file systems have errors of their own
            raise UnreachableError(
                f"the model store {self.url} does not answer: {error}"
            ) from error

    def _read(self, path: str) -> bytes:
        try:
            return bytes(self._fs.cat_file(path))
        except FileNotFoundError:
            raise PackageError(f"the model store {self.url} has no {path}") from None
        except Exception as error:  # file systems have errors of their own
            raise UnreachableError(
                f"the model store {self.url} does not answer: {error}"
            ) from error

    def claim(self, model: str, version: str, digest: str) -> None:
        """Give a package a version number; of several processes that try at once, one gets it.

        Raises:
            VersionTakenError: it belongs to another package.
            UnreachableError: the store did not take it.
        """
        path = f"{self._root}/{model}/versions/{version}"
        try:
            self._fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            with self._fs.open(path, "xb") as file:
                file.write(digest.encode())
        except FileExistsError:
            if self._read(path).decode().strip() != digest:
                raise VersionTakenError(
                    f"version {version} of '{model}' exists with other content; train again"
                ) from None
        except Exception as error:  # file systems have errors of their own
            raise UnreachableError(f"the model store {self.url} took no {path}: {error}") from error

    def _write(self, path: str, data: bytes) -> None:
        try:
            self._fs.makedirs(path.rsplit("/", 1)[0], exist_ok=True)
            # A reader must never see half a file: local writes go aside and are renamed.
            with self._fs.transaction:
                self._fs.pipe_file(path, data)
        except Exception as error:  # file systems have errors of their own
            raise UnreachableError(f"the model store {self.url} took no {path}: {error}") from error


def _names_onnx(manifest: bytes) -> bool:
    """What is malformed names nothing: to refuse it is left to those who verify."""
    try:
        return decode_manifest(manifest).onnx is not None
    except PackageError:
        return False
