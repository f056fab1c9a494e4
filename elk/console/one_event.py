"""Everything the log knows about one event: each document in full."""

from collections.abc import Iterator, Mapping
from typing import Any

from elk.console.log import Body, Log
from elk.console.views import Answer, Link, ShownCell, View, page
from elk.console.words import known, moment
from elk.dashboards.panels import TIMESTAMP
from prediction_log.indices import Kind

_KINDS: tuple[Kind, ...] = ("predictions", "labels", "outcomes", "dead-letters")
_TITLES: Mapping[str, str] = {
    "predictions": "Answer",
    "labels": "Label",
    "outcomes": "Answer beside the truth",
    "dead-letters": "Dead letter",
}
_MOST = 100
_MOST_LEAVES = 1000


def one_event(log: Log, event: str) -> Answer:
    """Look it up by its id, in all time.

    Raises:
        MillraceError: Elasticsearch does not answer, or not to us.
    """
    if not event:
        return Answer(nothing="Write the id of an event above, or choose one below.")
    answer = log.search(_KINDS, lookup(event))
    views = list(_views(answer))
    if not views:
        return Answer(nothing="No document knows an event of this id.")
    return Answer(views=views)


def lookup(event: str) -> Body:
    """The search for all that bears the id."""
    return {
        "size": _MOST,
        "query": {"bool": {"filter": [{"term": {"event.id": event}}]}},
        "sort": [{TIMESTAMP: "asc"}],
    }


def _views(answer: Mapping[str, Any]) -> Iterator[View]:
    hits = answer["hits"]["hits"]
    for hit in sorted(hits, key=lambda hit: list(_TITLES).index(_kind(hit))):
        source, kind = hit["_source"], _kind(hit)
        model = source.get("model") or {}
        parts = [_TITLES[kind], *(model.get(k) for k in ("name", "version", "role"))]
        yield View(
            title=" · ".join(str(part) for part in parts if part),
            description=f"{hit['_index']} / {hit['_id']}",
            columns=("Field", "Value"),
            rows=[[name, _cell(name, value)] for name, value in leaves("", source)][:_MOST_LEAVES],
        )


def _kind(hit: Mapping[str, Any]) -> str:
    return next(kind for kind in _TITLES if f"-{kind}-" in hit["_index"])


def _cell(name: str, value: Any) -> ShownCell:
    if name == "entity.id" and isinstance(value, str):
        return Link(value, page("models", entity_id=value))
    return moment(value) if name == TIMESTAMP else known(value)


def leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Dotted names and values of all that is in a document."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from leaves(f"{prefix}.{name}" if prefix else str(name), inner)
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in value):
        for place, inner in enumerate(value):
            yield from leaves(f"{prefix}[{place}]", inner)
    else:
        yield prefix, ", ".join(map(str, value)) if isinstance(value, list) else value
