"""Have the programs in the cache: Java, Kafka's jars and Elasticsearch's home."""

import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock

from local_stack.account import Account
from local_stack.download import download, is_verified, place_of
from local_stack.home import require_disk
from local_stack.java import java_home, open_to_others
from local_stack.lock_file import Lock


class Programs(NamedTuple):
    """What is needed to start the servers."""

    java_home: Path
    kafka_jars: tuple[Path, ...]
    kafka_version: str
    elasticsearch_home: Path
    elasticsearch_version: str


def install(home: Path, lock: Lock, account: Account) -> Programs:
    """Download and unpack what is missing, and return where it all is.

    Safe to run in several processes at once: one does the work, the others wait for it. Raises
    DownloadError, ChecksumError, DiskSpaceError, PlatformError.
    """
    artifacts = home / "artifacts"
    archive = lock.elasticsearch
    elasticsearch = home / f"elasticsearch-{archive.version}-{archive.sha256[:8]}"
    with FileLock(home / "install.lock"):
        runtime = java_home(home, account)
        wanted = [jar for jar in lock.kafka_jars if not is_verified(jar, artifacts)]
        if not elasticsearch.exists():
            wanted.append(archive)
        if wanted:
            # Twice: an archive is unpacked beside itself.
            require_disk(home, 2 * sum(artifact.size for artifact in wanted))
            title = f"Downloading Kafka {lock.kafka_version} and Elasticsearch {archive.version}"
            download(wanted, artifacts, title)
        if not elasticsearch.exists():
            place = place_of(archive, artifacts)
            _unpack(place, elasticsearch)
            shutil.rmtree(place.parent)
    jars = tuple(place_of(jar, artifacts) for jar in lock.kafka_jars)
    return Programs(runtime, jars, lock.kafka_version, elasticsearch, archive.version)


def _unpack(archive: Path, target: Path) -> None:
    """Unpack an archive with one directory in it as `target`, all of it or nothing."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".unpack-") as scratch:
        with zipfile.ZipFile(archive) as content:
            content.extractall(scratch)
        (directory,) = Path(scratch).iterdir()
        open_to_others(directory)
        directory.rename(target)
