"""Up to where outcomes are made, and up to where they can be: positions of two consumer groups."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from kafka import TopicPartition
from kafka.errors import KafkaError, NoError
from kafka.structs import OffsetAndMetadata

from contracts.errors import UnreachableError
from contracts.group_positions import committed, once_settled
from contracts.kafka import admin_client, consumer_group
from contracts.kafka_access import refusal
from contracts.kafka_reading import Partition
from contracts.settings import Settings
from elk.documents.kafka_log import Stretch


class Positions:
    """Asks and commits, without being a member: whoever runs a monitor may take any record.

    Raises:
        UnreachableError: Kafka does not answer.
        AccessError: it does not let us in.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings, self._admin = settings, admin_client(settings)
        self._own = consumer_group(settings, "monitor")
        self._indexers = consumer_group(settings, "indexer")

    def new(self, there: Mapping[Partition, Stretch]) -> dict[Partition, Stretch]:
        """What is indexed and not joined yet, of what Kafka holds."""
        own, indexed = self._committed(self._own), self._committed(self._indexers)
        found = {}
        for place, stretch in there.items():
            end = min(stretch.end, max(indexed.get(place, 0), stretch.first))
            begin = max(stretch.first, own.get(place, 0))
            # A position beyond the end is one of a topic that was lost.
            found[place] = Stretch(begin if begin <= stretch.end else stretch.first, end)
        return found

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Keep up to where outcomes are made.

        Raises:
            UnreachableError: Kafka did not take it.
        """
        wanted = {TopicPartition(*p): OffsetAndMetadata(n, "", -1) for p, n in positions.items()}
        try:
            answers = once_settled(lambda: self._admin.alter_group_offsets(self._own, wanted))
        except KafkaError as error:
            raise refusal(self._settings, error) from error
        for partition, taken in answers.items():
            if taken is not NoError:
                raise UnreachableError(
                    f"the position in {partition.topic} was not taken: {taken.__name__}"
                )

    def _committed(self, group: str) -> dict[Partition, int]:
        try:
            found = committed(self._admin, group)
        except KafkaError as error:
            raise refusal(self._settings, error) from error
        return {(place.topic, place.partition): offset for place, offset in found.items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._admin.close()
