"""Original records, read from the topic of dead letters by their places."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError
from msgspec import Struct

from contracts import dead_letters
from contracts.dead_letters import DeadLetter
from contracts.errors import MillraceError, UnreachableError
from contracts.events import Source
from contracts.kafka import describe_topics
from contracts.settings import Settings
from contracts.topics import Topics
from elk.dead_letters.reading import Reading, lone_consumer

_FAR = 2000
"""Offsets beyond which seeking is cheaper than reading on."""


class Original(Struct, frozen=True):
    """A dead letter as it stands on its topic; `headers` are all it has, ours included."""

    letter: DeadLetter
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class Originals:
    """Reads letters from Kafka; a consumer without a group, which disturbs nobody.

    Raises:
        UnreachableError: Kafka does not answer.
    """

    def __init__(self, settings: Settings) -> None:
        self._kafka = settings.kafka
        topic = Topics(settings).dead_letters.name
        facts = describe_topics(settings, [topic]).get(topic)
        self._topic_id = facts.id if facts else None
        self._partitions = (
            [TopicPartition(topic, n) for n in range(facts.partitions)] if facts else []
        )
        self._consumer = lone_consumer(settings)

    def kept(self, places: Iterable[Source]) -> set[Source]:
        """Those places that Kafka still holds, by its word on where each partition begins."""
        first = self._ask(self._consumer.beginning_offsets)
        end = self._ask(self._consumer.end_offsets)
        return {
            place
            for place in places
            if place.topic_id == self._topic_id
            and first.get(_partition(place), 0) <= place.offset < end.get(_partition(place), 0)
        }

    def read(self, places: Iterable[Source]) -> dict[Source, Original]:
        """Read letters; what is gone from Kafka, or is another record by now, is left out."""
        wanted = sorted(self.kept(places), key=lambda place: (place.partition, place.offset))
        found: dict[Source, Original] = {}
        for partition in sorted({_partition(place) for place in wanted}):
            offsets = {p.offset: p for p in wanted if _partition(p) == partition}
            try:
                for offset, record in self._records(partition, list(offsets)):
                    original = _original(record)
                    if original is not None:
                        found[offsets[offset]] = original
            except KafkaError as error:
                raise UnreachableError(f"Kafka at {self._kafka} refused: {error}") from error
        return found

    def ends(self, topic: str, partitions: int) -> list[int]:
        """The end offset of each partition of any topic."""
        wanted = [TopicPartition(topic, number) for number in range(partitions)]
        found = self._ask(lambda _: self._consumer.end_offsets(wanted))
        return [found[partition] for partition in wanted]

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close(autocommit=False)

    def _ask(self, offsets: Any) -> Mapping[TopicPartition, int]:
        try:
            answer: Mapping[TopicPartition, int] = offsets(self._partitions)
        except KafkaError as error:
            raise UnreachableError(f"Kafka at {self._kafka} refused: {error}") from error
        return answer

    def _records(self, partition: TopicPartition, offsets: list[int]) -> Iterator[tuple[int, Any]]:
        """The records at ascending offsets; those that are not there are stepped over."""
        reading = Reading(self._consumer, partition, offsets[0])
        while offsets:
            if offsets[0] - reading.position >= _FAR:
                reading.seek(offsets[0])
            for record in reading.poll():
                if record.offset in offsets:
                    yield record.offset, record
            while offsets and offsets[0] < reading.position:
                del offsets[0]


def _original(record: Any) -> Original | None:
    headers = list(record.headers or ())
    try:
        letter = dead_letters.from_headers([(name, value or b"") for name, value in headers])
    except MillraceError:
        return None
    return Original(letter, record.key, record.value, headers)


def _partition(place: Source) -> TopicPartition:
    return TopicPartition(place.topic, place.partition)
