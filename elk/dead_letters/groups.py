"""Dead letters counted by what is wrong with them, by Elasticsearch: there may be millions."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from elasticsearch import Elasticsearch
from msgspec import Struct, field

from elk.dead_letters.selection import GROUP_FIELDS, Query, Selection, filters
from prediction_log.indices import IndexNames
from prediction_log.replays import STATES, Replay, State

Key = tuple[str | None, ...]
_PAGE = 1000
_IDS_AT_ONCE = 10_000


class Group(Struct, kw_only=True):
    """Letters that have the same values in the fields they are grouped by.

    Attributes:
        by: field -> value, None where the letters have none.
        states: how many of the letters are in each state; they add up to `letters`.
        example, detail: the newest letter's id, and its sentence.
    """

    by: dict[str, str | None]
    letters: int
    first_seen: datetime
    last_seen: datetime
    example: str
    detail: str
    states: dict[State, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))


def group_letters(
    client: Elasticsearch,
    names: IndexNames,
    selection: Selection,
    fields: Sequence[str],
    replays: Mapping[str, Replay],
) -> list[Group]:
    """Count the selected letters, the largest group first.

    Args:
        fields: names of `GROUP_FIELDS`.
    """
    chosen = filters(selection)
    pattern = names.pattern("dead-letters")
    groups = {
        _key(bucket, fields): _group(bucket, fields)
        for bucket in _buckets(client, pattern, chosen, fields, _FACTS)
    }
    by_state: dict[State, list[str]] = defaultdict(list)
    for letter, replay in replays.items():
        by_state[replay.state].append(letter)
    for state, letters in by_state.items():
        for ids in _chunks(letters):
            of_these = [*chosen, {"ids": {"values": ids}}]
            for bucket in _buckets(client, pattern, of_these, fields, {}):
                if group := groups.get(_key(bucket, fields)):
                    group.states[state] += bucket["doc_count"]
    for group in groups.values():
        group.states["open"] = group.letters - sum(
            count for state, count in group.states.items() if state != "open"
        )
    return sorted(groups.values(), key=lambda group: -group.letters)


_FACTS: Query = {
    "first": {"min": {"field": "dead_letter.first_seen"}},
    "first_failed": {"min": {"field": "failed_at"}},
    "last": {"max": {"field": "failed_at"}},
    "example": {
        "top_hits": {
            "size": 1,
            "sort": [{"failed_at": "desc"}],
            "_source": ["dead_letter.detail"],
        }
    },
}


def _buckets(
    client: Elasticsearch, pattern: str, chosen: list[Query], fields: Sequence[str], facts: Query
) -> Iterator[dict[str, Any]]:
    sources = [
        {name: {"terms": {"field": GROUP_FIELDS[name], "missing_bucket": True}}} for name in fields
    ]
    after: dict[str, Any] = {}
    while True:
        composite: Query = {"size": _PAGE, "sources": sources, **after}
        answer = client.search(
            index=pattern,
            size=0,
            query={"bool": {"filter": chosen}},
            aggs={"groups": {"composite": composite, "aggs": facts}},
            filter_path="aggregations",
        ).body
        found = answer.get("aggregations", {}).get("groups", {})
        yield from found.get("buckets", [])
        if "after_key" not in found:
            return
        after = {"after": found["after_key"]}


def _key(bucket: Mapping[str, Any], fields: Sequence[str]) -> Key:
    return tuple(bucket["key"][name] for name in fields)


def _group(bucket: Mapping[str, Any], fields: Sequence[str]) -> Group:
    (newest,) = bucket["example"]["hits"]["hits"]
    first = bucket["first"]["value"] or bucket["first_failed"]["value"]
    return Group(
        by={name: bucket["key"][name] for name in fields},
        letters=bucket["doc_count"],
        first_seen=datetime.fromtimestamp(first / 1000, UTC),
        last_seen=datetime.fromtimestamp(bucket["last"]["value"] / 1000, UTC),
        example=newest["_id"],
        detail=newest["_source"]["dead_letter"]["detail"],
    )


def _chunks(ids: Sequence[str]) -> Iterable[list[str]]:
    return (list(ids[n : n + _IDS_AT_ONCE]) for n in range(0, len(ids), _IDS_AT_ONCE))
