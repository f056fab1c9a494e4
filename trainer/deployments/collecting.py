"""Old packages go from the model store; what serves, or can be rolled back to, never does."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from contracts.deployments import Deployment
from contracts.errors import PackageError
from contracts.model_store import ModelStore


class StoredVersion(Struct, frozen=True):
    """A package in the store; without a version its training was cut off. `made_at` is None where
    its manifest cannot be read."""

    version: str | None
    digest: str
    made_at: datetime | None


class Collectable(Struct, frozen=True):
    """A package that may go, and why it is not kept."""

    stored: StoredVersion
    why: str


def stored_versions(store: ModelStore, model: str) -> list[StoredVersion]:
    """Everything the store has of a model, oldest version first.

    Raises:
        UnreachableError: the store does not answer.
    """
    versions = store.versions(model)
    numbers = {digest: version for version, digest in versions.items()}
    orphans = [digest for digest in store.packages(model) if digest not in numbers]
    return [
        *(
            StoredVersion(v, digest, _made_at(store, model, digest))
            for v, digest in versions.items()
        ),
        *(StoredVersion(None, digest, _made_at(store, model, digest)) for digest in orphans),
    ]


def _made_at(store: ModelStore, model: str, digest: str) -> datetime | None:
    try:
        return store.manifest(model, digest).created_at
    except PackageError:
        return None


def collectable(
    stored: Sequence[StoredVersion],
    history: Sequence[Deployment],
    now: datetime,
    *,
    keep: timedelta,
    keep_champions: int,
) -> Iterator[Collectable]:
    """Which packages may go.

    Kept are: whatever the deployment in force names; the last champions, to which a rollback may
    go; what was deployed or made within `keep`; the newest version, which is what `publish` takes.

    Args:
        stored: oldest version first.
        history: every deployment of the model, oldest first.
    """
    in_force = history[-1].versions if history else {}
    champions = list(dict.fromkeys(d.champion.digest for d in reversed(history)))
    back = set(champions[:keep_champions])
    recent = {
        digest
        for position, deployment in enumerate(history)
        if _ended(history, position, now) >= now - keep
        for digest in deployment.versions
    }
    newest = next((one.digest for one in reversed(stored) if one.version is not None), None)
    for one in stored:
        if one.digest in in_force or one.digest in back or one.digest in recent:
            continue
        if one.digest == newest or one.made_at is None or one.made_at >= now - keep:
            continue
        served = one.digest in champions
        yield Collectable(one, "served long ago" if served else "never served, and old")


def _ended(history: Sequence[Deployment], position: int, now: datetime) -> datetime:
    """Until when a deployment was in force."""
    later = position + 1 < len(history)
    return history[position + 1].created_at if later else now
