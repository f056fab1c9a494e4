"""What Elasticsearch has of some events: first predictions, shadows, last labels, outcomes."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from elasticsearch import Elasticsearch
from msgspec import Struct

from contracts.settings import Settings
from prediction_log.bulk import SeenDocument
from prediction_log.indices import IndexNames, Kind
from prediction_log.outcome_documents import LoggedLabel, LoggedPrediction, OutcomeDocument
from prediction_log.pages import read_as

_MOST_HITS = 10_000
"""Elasticsearch's own limit of one answer."""
_PREDICTION = tuple(LoggedPrediction.__struct_encode_fields__)
_LABEL = tuple(LoggedLabel.__struct_encode_fields__)
_PLACE = ("kafka.topic_id", "kafka.partition", "kafka.offset")


class Written(Struct, frozen=True):
    """An outcome that is there: where and in which state, and what it was made of."""

    seen: SeenDocument
    document: OutcomeDocument


class Found(Struct, frozen=True):
    """Everything that decides about the outcomes of some events of one model, by event id."""

    serving: Mapping[str, LoggedPrediction]
    shadows: Mapping[str, Sequence[LoggedPrediction]]
    labels: Mapping[str, LoggedLabel]
    outcomes: Mapping[str, Sequence[Written]]


class Lookups:
    """Asks for the documents of events that can be searched.

    Args:
        labels_topic_id: of the topic `labels` as it is now; labels of an earlier one of that name
            are older than all of this, whatever their offsets.
    """

    def __init__(self, settings: Settings, client: Elasticsearch, labels_topic_id: str) -> None:
        self._client, self._names = client, IndexNames(settings)
        self._labels_topic_id = labels_topic_id

    def labelled(self, model: str, events: Sequence[str]) -> set[str]:
        """Those of some events that anything was ever said of."""
        hits = self._search(
            "labels",
            model,
            {"filter": [{"terms": {"event.id": list(events)}}]},
            size=len(events),
            collapse={"field": "event.id"},
            source_includes=["event.id"],
        )
        return {hit["_source"]["event"]["id"] for hit in hits}

    def find(self, model: str, events: Sequence[str]) -> Found:
        """Look up some events of a model; at most some thousand.

        The outcomes come first: one that is written after this look is a conflict later, so that
        what is looked at next can only be newer than what an outcome was made of.
        """
        outcomes = self._outcomes(model, events)
        shadows: dict[str, list[LoggedPrediction]] = {}
        for hit in self._all("predictions", model, events, {"model.role": "shadow"}, _PREDICTION):
            if (found := read_as(hit, LoggedPrediction)) is not None:
                shadows.setdefault(found.event.id, []).append(found)
        return Found(self._serving(model, events), shadows, self._labels(model, events), outcomes)

    def _outcomes(self, model: str, events: Sequence[str]) -> dict[str, list[Written]]:
        outcomes: dict[str, list[Written]] = {}
        for hit in self._all("outcomes", model, events, {}, None):
            if (document := read_as(hit, OutcomeDocument)) is not None:
                seen = SeenDocument(
                    index=hit["_index"],
                    id=hit["_id"],
                    if_seq_no=hit["_seq_no"],
                    if_primary_term=hit["_primary_term"],
                )
                outcomes.setdefault(document.event.id, []).append(Written(seen, document))
        return outcomes

    def _serving(self, model: str, events: Sequence[str]) -> dict[str, LoggedPrediction]:
        """The first of each event: a label of an id that was used twice belongs to that."""
        hits = self._search(
            "predictions",
            model,
            {
                "filter": [
                    {"terms": {"event.id": list(events)}},
                    {"terms": {"model.role": ["champion", "canary"]}},
                ]
            },
            size=len(events),
            collapse={"field": "event.id"},
            sort=[{"predicted_at": "asc"}, *({name: "asc"} for name in _PLACE)],
            source_includes=_PREDICTION,
        )
        found = (read_as(hit, LoggedPrediction) for hit in hits)
        return {one.event.id: one for one in found if one is not None}

    def _labels(self, model: str, events: Sequence[str]) -> dict[str, LoggedLabel]:
        """The last word on each event: labels of one event have one key, so one partition."""
        now = {"term": {"kafka.topic_id": {"value": self._labels_topic_id}}}
        hits = self._search(
            "labels",
            model,
            {
                "filter": [{"terms": {"event.id": list(events)}}],
                "should": [{"constant_score": {"filter": now, "boost": 1.0}}],
            },
            size=len(events),
            collapse={"field": "event.id"},
            sort=[
                {"_score": "desc"},
                {"kafka.offset": "desc"},
                {"kafka.partition": "asc"},
                {"kafka.topic_id": "asc"},
            ],
            source_includes=_LABEL,
        )
        found = (read_as(hit, LoggedLabel) for hit in hits)
        return {one.event.id: one for one in found if one is not None}

    def _all(
        self,
        kind: Kind,
        model: str,
        events: Sequence[str],
        term: Mapping[str, str],
        columns: Sequence[str] | None,
    ) -> Iterator[dict[str, Any]]:
        """All documents of these events; of one event with more than Elasticsearch gives at once,
        the earliest."""
        hits = self._search(
            kind,
            model,
            {
                "filter": [
                    {"terms": {"event.id": list(events)}},
                    *({"term": {k: v}} for k, v in term.items()),
                ]
            },
            size=_MOST_HITS,
            sort=[{"predicted_at": "asc"}],
            source_includes=columns,
            seq_no_primary_term=True,
        )
        if len(hits) < _MOST_HITS or len(events) == 1:
            yield from hits
            return
        middle = len(events) // 2
        for half in (events[:middle], events[middle:]):
            yield from self._all(kind, model, half, term, columns)

    def _search(
        self, kind: Kind, model: str, which: dict[str, Any], **more: Any
    ) -> list[dict[str, Any]]:
        answer = self._client.search(
            index=self._names.pattern(kind, model),
            query={"bool": which},
            track_total_hits=False,
            filter_path=[
                f"hits.hits.{name}"
                for name in ("_index", "_id", "_source", "_seq_no", "_primary_term")
            ],
            **more,
        ).body
        found: list[dict[str, Any]] = answer.get("hits", {}).get("hits", [])
        return found
