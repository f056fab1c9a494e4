"""Bring the pinned artifacts into the cache, each verified before it gets its place there.

An artifact's place is named by its checksum and is only ever filled by renaming a verified file
into it, so its presence is the mark that it was verified.
"""

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from local_stack.errors import ChecksumError, DownloadError
from local_stack.lock_file import Artifact
from local_stack.progress import progress

_PARALLEL = 8
_ATTEMPTS = 3
_TIMEOUT_SECONDS = 30
# Fetch one artifact below the directory, call back with byte counts, return the file.
Fetch = Callable[[Artifact, Path, Callable[[int], None]], Path]


def place_of(artifact: Artifact, artifacts: Path) -> Path:
    """Where the verified artifact is kept below the directory `artifacts`."""
    return artifacts / artifact.sha256[:16] / artifact.filename


def is_verified(artifact: Artifact, artifacts: Path) -> bool:
    """Whether the artifact is in its place, and as long as it must be."""
    place = place_of(artifact, artifacts)
    return place.is_file() and place.stat().st_size == artifact.size


def sha256_of(path: Path) -> str:
    """The lower-case hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def download(
    wanted: Iterable[Artifact], artifacts: Path, title: str, fetch: Fetch | None = None
) -> None:
    """Download what is not yet verified, in parallel.

    Raises DownloadError when an artifact cannot be had and ChecksumError when it is not the one
    that is pinned; what was verified before stays, so that the next run continues.
    """
    missing = [artifact for artifact in wanted if not is_verified(artifact, artifacts)]
    if not missing:
        return
    fetch = fetch or _fetch_with_jgo
    artifacts.mkdir(parents=True, exist_ok=True)
    with (
        progress(title, sum(artifact.size for artifact in missing)) as advance,
        tempfile.TemporaryDirectory(dir=artifacts, prefix=".download-") as scratch,
        ThreadPoolExecutor(_PARALLEL) as pool,
    ):
        jobs = [
            pool.submit(_download_one, artifact, artifacts, Path(scratch), fetch, advance)
            for artifact in sorted(missing, key=lambda artifact: -artifact.size)
        ]
        try:
            for job in jobs:
                job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _download_one(
    artifact: Artifact,
    artifacts: Path,
    scratch: Path,
    fetch: Fetch,
    advance: Callable[[int], None],
) -> None:
    path = fetch(artifact, scratch / artifact.sha256, advance)
    actual = sha256_of(path)
    if actual != artifact.sha256:
        raise ChecksumError(
            f"{artifact.filename} was downloaded with the checksum {actual[:12]}… instead of "
            f"{artifact.sha256[:12]}…, so it was thrown away: run the command again, and if it "
            "stays so, check what stands between this machine and the Maven repository."
        )
    place = place_of(artifact, artifacts)
    place.parent.mkdir(exist_ok=True)
    # Others may run the programs from here as another user, whatever our umask is.
    path.chmod(0o644)
    place.parent.chmod(0o755)
    path.replace(place)


def _fetch_with_jgo(artifact: Artifact, below: Path, advance: Callable[[int], None]) -> Path:
    """Download one file, with the repositories of the user's jgo configuration if there are any."""
    import requests
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext, PythonResolver

    @contextmanager
    def report(_filename: str, _total: int) -> Iterator[Callable[[int], None]]:
        yield advance

    for attempt in range(1, _ATTEMPTS + 1):
        context = MavenContext(
            repo_cache=below / str(attempt),
            remote_repos=GlobalSettings.load().repositories or None,
            resolver=PythonResolver(progress_callback=report),
            timeout=_TIMEOUT_SECONDS,
        )
        component = context.project(artifact.group, artifact.name).at_version(artifact.version)
        try:
            return Path(component.artifact(packaging=artifact.packaging).resolve())
        except requests.RequestException as error:
            if attempt == _ATTEMPTS:
                advice = (
                    "set REQUESTS_CA_BUNDLE to the certificates of the proxy in between"
                    if isinstance(error, requests.exceptions.SSLError)
                    else "check the network or the proxy settings (HTTPS_PROXY)"
                )
                raise DownloadError(
                    f"{artifact.filename} could not be downloaded because the Maven repository "
                    f"cannot be reached ({type(error).__name__}): {advice} and run the command "
                    "again."
                ) from error
        except RuntimeError as error:
            raise DownloadError(
                f"{artifact.filename} could not be downloaded because the Maven repository does "
                "not have it or refuses it: check the proxy or the mirror in jgo's configuration."
            ) from error
    raise AssertionError("unreachable")
