"""What became of every event, counted from Kafka and Elasticsearch and from nowhere else."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd
from kafka import TopicPartition
from kafka.consumer.fetcher import ConsumerRecord
from msgspec import Struct
from sklearn.metrics import log_loss, roc_auc_score

from contracts.consumers import python_consumer
from contracts.events import Source
from contracts.kafka import describe_topics
from contracts.settings import Settings
from contracts.topics import Topics
from examples.flights.decoding import decoded
from prediction_log.client import connect, translated
from prediction_log.indices import IndexNames
from prediction_log.reader import read

Offsets = dict[int, int]
"""Partition -> offset."""


class Quality(Struct, frozen=True):
    """How good the served predictions of one version were, on the labels that arrived."""

    labelled: int
    auc: float | None
    log_loss: float


class Audit(Struct, frozen=True, kw_only=True):
    """The account of a run. Counts are of distinct source records unless said otherwise.

    `redelivered`: predictions on the topic beyond one per event; their documents are the same.
    `lost`: events with neither a document nor a dead letter. `duplicated`: documents and dead
    letters beyond one per event.
    """

    events: int
    predictions: int
    redelivered: int
    indexed: int
    dead_letters: int
    lost: int
    duplicated: int
    versions: dict[str, int]
    latency_ms: dict[str, float]
    reasons: dict[str, int]
    quality: dict[str, Quality]


class _Prediction(Struct, frozen=True):
    source: Source


def end_offsets(settings: Settings, topic: str) -> Offsets:
    """Where each partition of a topic ends now."""
    consumer = python_consumer(settings)
    try:
        numbers = sorted(consumer.partitions_for_topic(topic) or set())
        ends = consumer.end_offsets([TopicPartition(topic, number) for number in numbers])
        return {partition.partition: offset for partition, offset in ends.items()}
    finally:
        consumer.close()


class Ledger:
    """Remembers where the topics stood before a run, to account for what came after.

    Args:
        model: whose documents count.
    """

    def __init__(self, settings: Settings, model: str) -> None:
        self._settings = settings
        self._model = model
        self._elasticsearch = connect(settings, connections=1)
        topics = Topics(settings)
        self._features = topics.features.name
        self._predictions = topics.predictions.name
        self._topic_id = describe_topics(settings, [self._features])[self._features].id
        self._starts = {
            topic: end_offsets(settings, topic) for topic in (self._features, self._predictions)
        }

    def events(self) -> int:
        """Events on `features` since the start."""
        start, end = self._starts[self._features], end_offsets(self._settings, self._features)
        return sum(end[partition] - start.get(partition, 0) for partition in end)

    def accounted(self) -> int:
        """Documents and dead letters of this run that can be searched by now."""
        names = IndexNames(self._settings)
        of_this_run = {
            "bool": {
                "filter": [{"term": {"kafka.topic_id": self._topic_id}}],
                "must_not": [{"term": {"model.role": "shadow"}}],
                "minimum_should_match": 1,
                "should": [
                    {
                        "bool": {
                            "filter": [
                                {"term": {"kafka.partition": number}},
                                {"range": {"kafka.offset": {"gte": offset}}},
                            ]
                        }
                    }
                    for number, offset in self._starts[self._features].items()
                ],
            }
        }
        patterns = [
            names.pattern("predictions", self._model),
            names.pattern("dead-letters"),
        ]
        with translated(self._settings):
            counted = self._elasticsearch.count(index=patterns, query=of_this_run)
        return int(counted["count"])

    def audit(self) -> Audit:
        """Read everything again and compare."""
        events = {(r.partition, r.offset) for r in self._records(self._features)}
        sources = (
            prediction.source
            for prediction in decoded(
                # One without readable headers is none of ours, and a dead letter.
                (r.value for r in self._records(self._predictions) if r.headers is not None),
                _Prediction,
            )
        )
        predicted = Counter(
            (source.partition, source.offset)
            for source in sources
            if source.topic_id == self._topic_id
        )
        documents, letters = self._frames()
        outcomes = Counter([*_coordinates(documents), *_coordinates(letters)])
        latency = documents["latency.total_ms"]
        return Audit(
            events=len(events),
            predictions=len(predicted),
            redelivered=predicted.total() - len(predicted),
            indexed=len(documents),
            dead_letters=len(letters),
            lost=len(events - set(outcomes)),
            duplicated=outcomes.total() - len(outcomes),
            versions=_counted(documents["model.version"]),
            latency_ms={
                f"p{percent}": round(float(np.percentile(latency, percent)), 3)
                for percent in (50, 95, 99)
            }
            if len(latency)
            else {},
            reasons=_counted(letters["dead_letter.reason"]),
            quality=self._quality(documents),
        )

    def _frames(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        where = {"kafka.topic_id": self._topic_id}
        documents = read(
            self._settings,
            self._model,
            columns=[
                "event.id",
                "model.version",
                "model.role",
                "prediction",
                "latency.total_ms",
                "kafka.partition",
                "kafka.offset",
            ],
            where=where,
        )
        letters = read(
            self._settings,
            kind="dead-letters",
            columns=["dead_letter.reason", "kafka.partition", "kafka.offset"],
            where=where,
        )
        documents = documents[documents["model.role"] != "shadow"]
        return self._of_this_run(documents), self._of_this_run(letters)

    def _of_this_run(self, frame: pd.DataFrame) -> pd.DataFrame:
        starts = frame["kafka.partition"].map(self._starts[self._features]).fillna(0)
        return frame[frame["kafka.offset"] >= starts]

    def _quality(self, documents: pd.DataFrame) -> dict[str, Quality]:
        labels = read(self._settings, self._model, kind="labels", columns=["event.id", "label"])
        labels = labels.drop_duplicates("event.id", keep="last")
        joined = documents.merge(labels, on="event.id")
        result = {}
        for version, rows in joined.groupby("model.version"):
            late = rows["label.value"].eq("true")
            probability = rows["prediction.probabilities.true"]
            result[str(version)] = Quality(
                labelled=len(rows),
                auc=round(roc_auc_score(late, probability), 4) if late.nunique() == 2 else None,
                log_loss=round(log_loss(late, probability, labels=[False, True]), 4),
            )
        return result

    def _records(self, topic: str) -> Iterator[ConsumerRecord]:
        """Every record from the start of the run to the present end of a topic."""
        start, end = self._starts[topic], end_offsets(self._settings, topic)
        consumer = python_consumer(
            self._settings, isolation_level="read_committed", max_poll_records=5000
        )
        try:
            partitions = {n: TopicPartition(topic, n) for n in end}
            consumer.assign(list(partitions.values()))
            for number, partition in partitions.items():
                consumer.seek(partition, start.get(number, 0))
            # Positions, not offsets seen: a transaction's markers are offsets without a record.
            while any(consumer.position(p) < end[n] for n, p in partitions.items()):
                for records in consumer.poll(timeout_ms=500).values():
                    yield from (r for r in records if r.offset < end[r.partition])
        finally:
            consumer.close()


def _coordinates(frame: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(frame["kafka.partition"], frame["kafka.offset"], strict=True))


def _counted(column: pd.Series) -> dict[str, int]:
    return {str(value): int(count) for value, count in column.value_counts().sort_index().items()}
