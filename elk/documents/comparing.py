"""Comparing Elasticsearch with Kafka: which documents are missing, and which are too many."""

from collections.abc import Callable, Iterator, Sequence

from elasticsearch import Elasticsearch
from msgspec import Struct, field

from contracts.kafka import topic_ids
from contracts.settings import Settings
from contracts.topics import Topics
from elk.documents.catching_up import wait_until_finished
from elk.documents.differences import Difference, Judge, Row
from elk.documents.expectation import Expectations
from elk.documents.kafka_log import KafkaLog
from elk.documents.our_indices import refresh
from elk.documents.places import Places
from elk.erasure_log import known_erasures
from elk.records import Transcriber
from prediction_log.client import connect, translated
from prediction_log.indices import IndexNames, Kind
from prediction_log.pages import hits

Progress = Callable[[str, int, int], None]
"""Told what is being read, how much of it is done, and of how much (0: not known)."""

_PAGE = 10_000


class Comparison(Struct, kw_only=True):
    """What was found.

    Attributes:
        behind: offsets that the indexers had still to go; their documents count as missing.
        examples: the first differences of each kind and topic.
    """

    equal: bool
    behind: int
    rows: list[Row]
    examples: list[Difference] = field(default_factory=list)


def compare(
    settings: Settings, progress: Progress, *, wait_seconds: float = 30, examples: int = 20
) -> Comparison:
    """Compare all documents with all records that Kafka holds; services may run meanwhile.

    First it lets the indexers finish what is there, then reads the ids of all documents, then all
    records: so every document has its record among them, however much comes meanwhile.

    Raises:
        UnreachableError: Kafka or Elasticsearch does not answer.
        AccessError, ConfigurationError: it cannot be done like this.
    """
    topics = Topics(settings)
    transcriber = Transcriber(settings, topics, {})
    client = connect(settings, connections=1)
    try:
        with KafkaLog(settings, transcriber.topics) as log, translated(settings):
            transcriber.topic_ids = log.topic_ids
            due = log.stretches()
            left = wait_until_finished(
                settings,
                log,
                "indexer",
                due,
                wait_seconds,
                lambda to_go: progress("waiting for the indexer", 0, to_go),
            )
            refresh(settings, client)
            documents = _documents(client, settings, topics, progress)
            transcriber.erasures = known_erasures(settings)
            expectations = Expectations(settings, transcriber, due)
            now = log.stretches()
            whole, done = sum(s.end - s.first for s in now.values()), 0
            for records in log.records(now):
                expectations.take(records)
                done += len(records)
                progress("records", done, whole)
            of_events = topic_ids(settings, [topic.name for topic in topics.inputs]).values()
            judge = Judge(settings, client, expectations, now, of_events, examples)
            rows = [row for topic in documents for row in judge.rows(topic, documents[topic])]
    finally:
        client.close()
    equal = not any(row.missing or row.extra for row in rows)
    behind = sum(stretch.end - stretch.first for stretch in left.values())
    return Comparison(equal=equal, behind=behind, rows=rows, examples=judge.examples)


def _documents(
    client: Elasticsearch, settings: Settings, topics: Topics, progress: Progress
) -> dict[str, Places]:
    found = {topic: Places() for topic in _kinds(topics)}
    shadows, done = found[topics.shadow_predictions.name], 0
    for topic, kind in _kinds(topics).items():
        if topic == topics.shadow_predictions.name:
            continue  # beside the predictions that serve
        for document_id in _ids(client, IndexNames(settings).pattern(kind)):
            which = shadows if kind == "predictions" and "-shadow-" in document_id else found[topic]
            which.add(document_id)
            done += 1
            if done % _PAGE == 0:
                progress("documents", done, 0)
    return found


def _kinds(topics: Topics) -> dict[str, Kind]:
    return {
        topics.predictions.name: "predictions",
        topics.shadow_predictions.name: "predictions",
        topics.labels.name: "labels",
        topics.dead_letters.name: "dead-letters",
        topics.model_events.name: "model-events",
        topics.service_stats.name: "operations",
        topics.alerts.name: "alerts",
    }


def _ids(client: Elasticsearch, pattern: str) -> Iterator[str]:
    order: Sequence[dict[str, str]] = [{"_shard_doc": "asc"}]
    for hit in hits(client, pattern, [], sort=order, columns=(), page=_PAGE):
        yield hit["_id"]
