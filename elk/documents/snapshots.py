"""Snapshots of our indices, by Elasticsearch's snapshot API in a repository on a file system.

(https://www.elastic.co/guide/en/elasticsearch/reference/8.19/snapshot-restore.html)
"""

from datetime import UTC, datetime
from typing import Any

from elasticsearch import ApiError, Elasticsearch, NotFoundError
from msgspec import Struct

from contracts.errors import ConfigurationError, MillraceError, UsageError
from contracts.settings import Settings
from elk.documents.our_indices import Index, all_indices, delete_indices, patterns
from prediction_log.client import reason

_PATIENCE_SECONDS = 24 * 3600.0
_ATTEMPTS = 5


class Snapshot(Struct, frozen=True, kw_only=True):
    """A snapshot; `indices` are the names of those in it."""

    name: str
    state: str
    started_at: datetime
    indices: list[str]


class Snapshots:
    """The repository of this installation; registered where it is not yet.

    Raises:
        ConfigurationError: Elasticsearch has no place for it.
    """

    def __init__(self, settings: Settings, client: Elasticsearch) -> None:
        self._settings, self._client = settings, client
        self._patient = client.options(request_timeout=_PATIENCE_SECONDS)
        self._name = settings.index_prefix
        try:
            client.snapshot.create_repository(
                name=self._name,
                repository={
                    "type": "fs",
                    "settings": {"location": settings.snapshot_location, "compress": True},
                },
            )
        except ApiError as error:
            raise ConfigurationError(
                f"Elasticsearch has no place for snapshots at '{settings.snapshot_location}' "
                f"({reason(error)}): set path.repo on its nodes to a folder that they share, and "
                "MILLRACE_SNAPSHOT_LOCATION to one below it"
            ) from error

    def create(self, name: str | None = None) -> Snapshot:
        """Take a snapshot of all our indices, and wait until it is whole.

        Raises:
            UsageError: the name is taken, or cannot be one.
            MillraceError: Elasticsearch could not take all of it.
        """
        name = name or f"{self._name}-{datetime.now(UTC):%Y.%m.%d-%H.%M.%S}"
        try:
            answer = self._patient.snapshot.create(**self._ours(name))
        except ApiError as error:
            if error.meta.status == 400:
                raise UsageError(f"no snapshot '{name}' can be taken: {reason(error)}") from error
            raise
        return _whole(answer["snapshot"])

    def all(self) -> list[Snapshot]:
        """All there are, oldest first."""
        answer = self._client.snapshot.get(repository=self._name, snapshot="*")
        found = [_snapshot(one) for one in answer["snapshots"]]
        return sorted(found, key=lambda one: one.started_at)

    def restore(self, name: str, *, wipe: bool = False) -> list[Index]:
        """Bring the indices of a snapshot back, and wait until they are there.

        Args:
            wipe: delete all our indices first; else none of those in the snapshot may be there.

        Raises:
            UsageError: there is no such snapshot, or one of its indices is there.
            MillraceError: something could not be restored.
        """
        try:
            found = self._client.snapshot.get(repository=self._name, snapshot=name)
        except NotFoundError:
            raise UsageError(
                f"there is no snapshot '{name}': see 'millrace documents snapshot list'"
            ) from None
        snapshot = _whole(found["snapshots"][0])
        there = all_indices(self._settings, self._client)
        if wipe:
            delete_indices(self._client, there)
        elif taken := [index.name for index in there if index.name in snapshot.indices]:
            raise UsageError(
                f"{taken[0]} is there already, with {len(taken) - 1} more of the snapshot: stop "
                "the indexers and restore with --wipe, which deletes all our indices first"
            )
        answer = self._restored(name, _ATTEMPTS if wipe else 1)
        shards = answer["snapshot"]["shards"]
        if shards["failed"]:
            raise MillraceError(
                f"{shards['failed']} of {shards['total']} shards could not be restored: see the "
                "log of Elasticsearch"
            )
        return all_indices(self._settings, self._client)

    def _restored(self, name: str, attempts: int) -> Any:
        try:
            return self._patient.snapshot.restore(**self._ours(name))
        except ApiError as error:
            # A service that runs may have begun an index anew just now.
            if attempts == 1 or error.error != "snapshot_restore_exception":
                raise
        delete_indices(self._client, all_indices(self._settings, self._client))
        return self._restored(name, attempts - 1)

    def _ours(self, name: str) -> dict[str, Any]:
        """A request for all our indices, and nothing else, that ends when it is done."""
        return {
            "repository": self._name,
            "snapshot": name,
            "indices": patterns(self._settings),
            "ignore_unavailable": True,
            "include_global_state": False,
            "wait_for_completion": True,
        }


def _snapshot(told: dict[str, Any]) -> Snapshot:
    return Snapshot(
        name=told["snapshot"],
        state=told["state"],
        started_at=datetime.fromtimestamp(told["start_time_in_millis"] / 1000, UTC),
        indices=sorted(told["indices"]),
    )


def _whole(told: dict[str, Any]) -> Snapshot:
    snapshot = _snapshot(told)
    if snapshot.state != "SUCCESS":
        raise MillraceError(
            f"snapshot '{snapshot.name}' is not whole ({snapshot.state}): "
            f"{told.get('failures') or 'no reason given'}"
        )
    return snapshot
