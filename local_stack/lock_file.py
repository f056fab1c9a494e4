"""The pinned artifacts: what is downloaded, how large it is and what it must hash to."""

import hashlib
import tomllib
from pathlib import Path, PurePath
from typing import NamedTuple

from local_stack.errors import LockFileError

LOCK_FILE = Path(__file__).with_name("artifacts.lock")


class Artifact(NamedTuple):
    """One file of a Maven component; `size` in bytes, `sha256` in lower-case hex."""

    group: str
    name: str
    version: str
    packaging: str
    sha256: str
    size: int

    @property
    def filename(self) -> str:
        """The file's name, as the repository has it."""
        return f"{self.name}-{self.version}.{self.packaging}"


class Lock(NamedTuple):
    """Everything that is pinned; `digest` names the contents in eight hex digits."""

    kafka_version: str
    kafka_jars: tuple[Artifact, ...]
    elasticsearch: Artifact
    digest: str

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Everything there is to download."""
        return (self.elasticsearch, *self.kafka_jars)


def read_lock(path: Path = LOCK_FILE) -> Lock:
    """Read a lock file; raises LockFileError when it is missing or not complete."""
    try:
        content = path.read_bytes()
        tables = tomllib.loads(content.decode())
        jars = tuple(_artifact(entry) for entry in tables["kafka"])
        (elasticsearch,) = (_artifact(entry) for entry in tables["elasticsearch"])
        kafka_version = next(jar.version for jar in jars if jar.name.startswith("kafka_"))
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise LockFileError(
            f"The list of pinned artifacts {path} cannot be read ({error!r}): reinstall Millrace, "
            "or write it again with `python -m local_stack.lock`."
        ) from error
    digest = hashlib.sha256(content).hexdigest()[:8]
    return Lock(kafka_version, jars, elasticsearch, digest)


def _artifact(entry: dict[str, str | int]) -> Artifact:
    parts = str(entry["artifact"]).split(":")
    group, name, packaging, version = parts
    for part in parts:
        if part in ("", ".", "..") or PurePath(part).name != part:
            raise ValueError(f"coordinates {entry['artifact']!r}")
    sha256, size = str(entry["sha256"]), int(entry["size"])
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef") or size <= 0:
        raise ValueError(f"checksum or size of {entry['artifact']!r}")
    return Artifact(group, name, version, packaging, sha256, size)
