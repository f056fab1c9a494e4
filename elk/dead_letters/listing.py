"""What operators ask about dead letters, beside their counts."""

from collections.abc import Mapping
from itertools import islice

from elasticsearch import Elasticsearch

from contracts.errors import UsageError
from elk.dead_letters.letters import WITHOUT_CONTENT, Letter, find_letters
from elk.dead_letters.selection import Selection, filters
from prediction_log.indices import IndexNames
from prediction_log.replays import Replay, read_replays

_PAGE = 200


def newest_letters(
    client: Elasticsearch,
    names: IndexNames,
    selection: Selection,
    replays: Mapping[str, Replay],
    *,
    only_open: bool,
    limit: int,
) -> list[Letter]:
    """The selected letters that were set aside last."""
    found = find_letters(client, names, selection, replays, newest_first=True, page=_PAGE)
    return list(islice((x for x in found if x.state == "open" or not only_open), limit))


def one_letter(client: Elasticsearch, names: IndexNames, id: str) -> Letter:
    """A letter by its id.

    Raises:
        UsageError: there is none.
    """
    only = Selection(ids=(id,))
    for letter in find_letters(client, names, only, read_replays(client, names)):
        return letter
    raise UsageError(f"there is no dead letter '{id}': 'millrace dead-letters list' shows them")


def count_letters(client: Elasticsearch, names: IndexNames, selection: Selection) -> int:
    """How many letters are selected."""
    query = {"bool": {"filter": filters(selection)}}
    return int(client.count(index=names.pattern("dead-letters"), query=query)["count"])


def missing_ids(client: Elasticsearch, names: IndexNames, selection: Selection) -> list[str]:
    """Those of the ids asked for that no letter has."""
    if not selection.ids:
        return []
    only = Selection(ids=selection.ids)
    known = {x.id for x in find_letters(client, names, only, {}, columns=WITHOUT_CONTENT)}
    return [id for id in selection.ids if id not in known]
