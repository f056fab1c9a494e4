"""Single dead letters, with what became of each."""

from collections.abc import Iterator, Mapping, Sequence

from elasticsearch import Elasticsearch
from msgspec import Struct, convert

from elk.dead_letters.selection import Selection, filters
from prediction_log.dead_letter_documents import DeadLetterDetail, DeadLetterDocument
from prediction_log.indices import IndexNames
from prediction_log.pages import hits
from prediction_log.replays import Replay, State

NEVER_REPLAYED = Replay()
_BULKY = {"excerpt", "excerpt_base64", "headers"}
WITHOUT_CONTENT = (
    *("@timestamp", "failed_at", "kafka", "worker", "event", "model"),
    *(f"dead_letter.{f}" for f in DeadLetterDetail.__struct_fields__ if f not in _BULKY),
)
"""What of the documents a replay needs; their contents come from Kafka."""
_NEWEST_FIRST = ({"failed_at": "desc"}, {"_shard_doc": "desc"})
_OLDEST_FIRST = ({"failed_at": "asc"}, {"_shard_doc": "asc"})


class Letter(Struct, frozen=True):
    """A dead letter: its document, that document's place, and its replay."""

    id: str
    index: str
    document: DeadLetterDocument
    replay: Replay = NEVER_REPLAYED

    @property
    def state(self) -> State:
        """How far its replay is."""
        return self.replay.state


def find_letters(
    client: Elasticsearch,
    names: IndexNames,
    selection: Selection,
    replays: Mapping[str, Replay],
    *,
    newest_first: bool = False,
    columns: Sequence[str] | None = None,
    page: int | None = None,
) -> Iterator[Letter]:
    """The letters that are selected, in the order in which they were set aside."""
    order = _NEWEST_FIRST if newest_first else _OLDEST_FIRST
    found = hits(
        client,
        names.pattern("dead-letters"),
        filters(selection),
        sort=order,
        columns=columns,
        page=page,
    )
    for hit in found:
        document = convert(hit["_source"], DeadLetterDocument)
        replay = replays.get(hit["_id"], NEVER_REPLAYED)
        yield Letter(hit["_id"], hit["_index"], document, replay)
