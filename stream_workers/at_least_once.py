"""Outputs first, positions after: a redelivery writes its predictions again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import confluent_kafka
import structlog
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contracts.kafka_reading import Partition
from stream_workers.delivery import FLUSH_SECONDS, IDLE_SECONDS, Spans, hand_over, raise_if_final
from stream_workers.outputs import Output
from stream_workers.watermark import Batch, Watermarks

log = structlog.get_logger("stream_workers.at_least_once")


class AtLeastOnce:
    """Delivery reports move a watermark per partition; only what it has passed is committed.

    Nothing waits for Kafka: batch after batch is handed over while those before are under way.
    """

    patience = IDLE_SECONDS

    def __init__(
        self, producer_settings: Mapping[str, Any], consumer: confluent_kafka.Consumer
    ) -> None:
        self._producer = confluent_kafka.Producer(dict(producer_settings))
        self._consumer = consumer
        self._watermarks = Watermarks()
        self.failure: str | None = None
        self.unfinished_since: float | None = None

    def deliver(self, spans: Spans, outputs: Sequence[Output]) -> None:
        """Hand a batch's outputs over."""
        batch = Batch(len(outputs))
        self._watermarks.begin(batch, spans)

        def delivered(error: KafkaError | None, message: confluent_kafka.Message) -> None:
            batch.outstanding -= 1
            if error is not None:
                raise_if_final(error)
                batch.error = self.failure = f"{message.topic()}: {error.str()}"

        try:
            hand_over(self._producer, outputs, delivered)
        except KafkaException as error:
            batch.error = self.failure = error.args[0].str()

    def poll(self) -> None:
        """Take in delivery reports."""
        self._producer.poll(0)

    def commit(self) -> bool:
        """Commit the watermarks that have moved; Kafka's answer is not waited for."""
        offsets = self._finished()
        self.unfinished_since = self._watermarks.unfinished_since
        if offsets:
            self._consumer.commit(offsets=_topic_partitions(offsets))
            self._watermarks.committed(offsets)
        return bool(offsets)

    def finish(self) -> None:
        """Wait for the delivery reports, and commit."""
        left = self._producer.flush(FLUSH_SECONDS)
        offsets = self._finished()
        try:
            if offsets:
                self._consumer.commit(offsets=_topic_partitions(offsets), asynchronous=False)
                self._watermarks.committed(offsets)
        except KafkaException as error:
            log.warning("positions were not committed; they will be read again", reason=str(error))
        log.info("finished what was read", unacknowledged=left)

    def restart(self) -> list[TopicPartition]:
        """Go back to the first batch that is not finished.

        Predictions already produced after it are produced again; their documents have the same
        ids, so that none is doubled in Elasticsearch.
        """
        self._producer.flush(FLUSH_SECONDS)
        self._watermarks.advance()
        self._watermarks.forget_open()
        self.failure = None
        return _topic_partitions(self._watermarks.positions)

    def assigned(self) -> None:
        """Nothing to note: Kafka itself refuses commits of former members."""

    def drop(self, partitions: Iterable[Partition]) -> None:
        """Forget partitions."""
        self._watermarks.drop(partitions)

    def _finished(self) -> Mapping[Partition, int]:
        self._watermarks.advance()
        return self._watermarks.to_commit()


def _topic_partitions(offsets: Mapping[Partition, int]) -> list[TopicPartition]:
    return [TopicPartition(*partition, offset) for partition, offset in sorted(offsets.items())]
