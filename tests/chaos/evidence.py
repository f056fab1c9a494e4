"""Reads the topics and the indices from outside: nothing of the workers or the indexer is used."""

import json
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import confluent_kafka as ck
from chaos.verdict import Answer, Document, Event, Evidence
from confluent_kafka.admin import AdminClient

_SECONDS = 30.0
_PAGE = 5000


class Witness:
    """Looks at one installation.

    Args:
        prefix: of its topics and groups, as `t1.`; its indices begin with the same word.
        record: where the producers write down what was acknowledged.
    """

    def __init__(self, kafka: str, elasticsearch: str, prefix: str, record: Path) -> None:
        self._kafka = kafka
        self._elasticsearch = elasticsearch
        self._prefix = prefix
        self._indices = prefix.rstrip(".")
        self._record = record

    def evidence(self) -> Evidence:
        """Read everything, in the order that `Evidence` asks for."""
        found = Evidence()
        found.committed["features"] = self.committed("workers", "features")
        found.committed["predictions"] = self.committed("indexer", "predictions")
        found.committed["dead_letters"] = self.committed("indexer", "dead-letters")
        found.acknowledged = acknowledged_events(self._record)
        found.documents = [_prediction(source) for source in self._documents("predictions")]
        found.letters = [_letter(source) for source in self._documents("dead-letters")]
        found.predictions = [_answer(m, _source_in_value(m)) for m in self.records("predictions")]
        found.dead_letters = [
            _answer(m, _source_in_headers(m)) for m in self.records("dead-letters")
        ]
        found.events = {(m.partition(), m.offset()): _event(m) for m in self.records("features")}
        return found

    def outcomes(self) -> int:
        """How many serving documents and dead letters there are."""
        self.request("POST", f"{self._pattern('predictions')}/_refresh")
        self.request("POST", f"{self._pattern('dead-letters')}/_refresh")
        serving = {"query": {"bool": {"must_not": {"term": {"model.role": "shadow"}}}}}
        return sum(
            int(self.request("POST", f"{self._pattern(kind)}/_count", query)["count"])
            for kind, query in (("predictions", serving), ("dead-letters", None))
        )

    def positions(self) -> Iterator[str]:
        """How far the groups are on their topics, for people."""
        for service, topic in (("workers", "features"), ("indexer", "predictions")):
            committed = sorted(self.committed(service, topic).items())
            yield f"{topic}: {service} at {committed}, ends {self.ends(topic)}"
        shown = Counter(record.partition() for record in self.records("predictions"))
        yield f"predictions that a reader of committed records sees: {dict(shown)}"

    def ends(self, topic: str) -> dict[int, int]:
        """Where each partition of a topic ends."""
        consumer = self._consumer()
        try:
            return {
                number: consumer.get_watermark_offsets(
                    ck.TopicPartition(self._prefix + topic, number), _SECONDS
                )[1]
                for number in _partitions(consumer, self._prefix + topic)
            }
        finally:
            consumer.close()

    def records(self, topic: str) -> Iterator[ck.Message]:
        """Every record that a reader of committed records sees, per partition in order; up to where
        the topic ends now, or little further: while more comes, its end is never reached."""
        ends = {number: end for number, end in self.ends(topic).items() if end}
        consumer = self._consumer()
        try:
            name = self._prefix + topic
            consumer.assign([ck.TopicPartition(name, number, 0) for number in ends])
            while ends:
                for message in consumer.consume(_PAGE, 0.2):
                    number, error = message.partition(), message.error()
                    if error is None:
                        yield message
                    if number not in ends:
                        continue
                    # What comes before the end may be no record but the marker of a transaction.
                    over = error is not None and error.code() == ck.KafkaError._PARTITION_EOF
                    if over or (error is None and message.offset() >= ends[number] - 1):
                        del ends[number]
                        consumer.pause([ck.TopicPartition(name, number)])
        finally:
            consumer.close()

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Ask Elasticsearch; gives its answer."""
        request = urllib.request.Request(
            f"{self._elasticsearch}/{path}",
            None if body is None else json.dumps(body).encode(),
            {"content-type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            return json.load(answer)

    def committed(self, service: str, topic: str) -> dict[int, int]:
        """The positions of a service's group on a topic, by partition."""
        group = ck.ConsumerGroupTopicPartitions(f"{self._prefix}millrace-{service}")
        admin = AdminClient({"bootstrap.servers": self._kafka})
        [answer] = admin.list_consumer_group_offsets([group]).values()
        return {
            p.partition: p.offset
            for p in answer.result(_SECONDS).topic_partitions or []
            if p.topic == self._prefix + topic and p.offset > 0
        }

    def _consumer(self) -> ck.Consumer:
        return ck.Consumer(
            {
                "bootstrap.servers": self._kafka,
                "group.id": f"witness-{uuid.uuid4()}",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
            }
        )

    def _documents(self, kind: str) -> Iterator[dict[str, Any]]:
        """Every document, by a scroll: a view that does not change while it is read."""
        self.request("POST", f"{self._pattern(kind)}/_refresh")
        query = {"size": _PAGE, "_source": ["event.id", "model", "kafka"], "sort": ["_doc"]}
        page = self.request("POST", f"{self._pattern(kind)}/_search?scroll=1m", query)
        while page["hits"]["hits"]:
            yield from (hit["_source"] for hit in page["hits"]["hits"])
            more = {"scroll": "1m", "scroll_id": page["_scroll_id"]}
            page = self.request("POST", "_search/scroll", more)
        self.request("DELETE", "_search/scroll", {"scroll_id": page["_scroll_id"]})

    def _pattern(self, kind: str) -> str:
        return f"{self._indices}-{kind}-*"


def acknowledged_events(record: Path) -> dict[tuple[int, int], str]:
    """Read what producers wrote down: the id of every acknowledged event by its place."""
    found = {}
    for line in record.read_text().splitlines():
        event_id, partition, offset = line.split()
        if int(partition) >= 0:
            found[int(partition), int(offset)] = event_id
    return found


def _partitions(consumer: ck.Consumer, topic: str) -> list[int]:
    return sorted(consumer.list_topics(topic, _SECONDS).topics[topic].partitions)


def _event(message: ck.Message) -> Event:
    value = message.value() or b""
    try:
        event_id = json.loads(value).get("event_id")
    except ValueError:
        event_id = None
    return Event(event_id, message.key(), crc32(value))


def _answer(message: ck.Message, source: tuple[int, int]) -> Answer:
    content = crc32(message.value() or b"")
    return Answer(message.partition(), message.offset(), source, message.key(), content)


def _source_in_value(message: ck.Message) -> tuple[int, int]:
    source = json.loads(message.value() or b"")["source"]
    return source["partition"], source["offset"]


def _source_in_headers(message: ck.Message) -> tuple[int, int]:
    headers = dict(message.headers() or [])
    return int(headers["millrace-source-partition"]), int(headers["millrace-source-offset"])


def _prediction(source: dict[str, Any]) -> Document:
    model = source["model"]
    slot = f"shadow-{model['version']}" if model["role"] == "shadow" else "serving"
    return Document(_place(source), slot, source["event"]["id"], model["version"])


def _letter(source: dict[str, Any]) -> Document:
    return Document(_place(source), "dead letter", source.get("event", {}).get("id"))


def _place(source: dict[str, Any]) -> tuple[int, int]:
    return source["kafka"]["partition"], source["kafka"]["offset"]
