"""Our indices as a whole: which there are, and deleting those that Kafka can bring back."""

from collections.abc import Sequence

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.settings import Settings
from prediction_log.indices import DERIVED_KINDS, KINDS, REPLAYS

_PATIENCE = "30s"


class Index(Struct, frozen=True):
    """An index and how many documents it holds."""

    name: str
    documents: int


def patterns(settings: Settings) -> list[str]:
    """Of all our indices. `<prefix>-*` could be those of an installation with a longer prefix."""
    return [f"{settings.index_prefix}-{kind}-*" for kind in (*KINDS, *DERIVED_KINDS, REPLAYS)]


def refresh(settings: Settings, client: Elasticsearch) -> None:
    """Let all that was written be found. An index that is just being created answers nothing but
    503, so it is waited for."""
    ours = ",".join(patterns(settings))
    client.cluster.health(index=ours, wait_for_status="yellow", timeout=_PATIENCE)
    client.indices.refresh(index=ours)


def indices_from_kafka(settings: Settings, client: Elasticsearch) -> list[Index]:
    """Those that the indexer writes from Kafka. What became of replayed dead letters and what was
    computed from documents stands nowhere else."""
    refresh(settings, client)
    return _indices(client, [f"{settings.index_prefix}-{kind}-*" for kind in KINDS])


def all_indices(settings: Settings, client: Elasticsearch) -> list[Index]:
    """All of ours."""
    refresh(settings, client)
    return _indices(client, patterns(settings))


def delete_indices(client: Elasticsearch, indices: Sequence[Index]) -> None:
    """Delete them for good."""
    for index in indices:
        client.indices.delete(index=index.name, ignore_unavailable=True)


def _indices(client: Elasticsearch, wanted: Sequence[str]) -> list[Index]:
    answer = client.indices.stats(
        index=",".join(wanted), metric="docs", filter_path="indices.*.primaries.docs.count"
    )
    found = answer.get("indices", {})
    return [Index(name, found[name]["primaries"]["docs"]["count"]) for name in sorted(found)]
