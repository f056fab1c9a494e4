"""Which documents the records of the log must have become, and which they must not."""

from collections import Counter
from collections.abc import Mapping, Sequence

from contracts import dead_letters
from contracts.kafka_reading import Partition
from contracts.settings import Settings
from contracts.topics import Topics
from elk.documents.kafka_log import Stretch
from elk.documents.places import Places, split_id
from elk.record import Record
from elk.records import Erased, Rejection, Transcriber
from prediction_log.indices import coordinates_id


class Expectation:
    """What the records of one topic say, gathered record by record.

    Attributes:
        expected: ids that must be there; `later`: that may be, their records having come later.
        erased: ids that must not be there.
        rejected: by partition, records that can become none.
    """

    def __init__(self) -> None:
        self.expected, self.later, self.erased = Places(), Places(), Places()
        self.rejected: Counter[int] = Counter()
        self.records = 0


class Expectations:
    """Those of all topics, and what the indexer has set aside.

    Args:
        due: how far each partition was when it was waited for.
    """

    def __init__(
        self, settings: Settings, transcriber: Transcriber, due: Mapping[Partition, Stretch]
    ) -> None:
        self._transcriber, self._due = transcriber, due
        self._letters = Topics(settings).dead_letters.name
        self.topic_ids = transcriber.topic_ids
        self.of = {topic: Expectation() for topic in transcriber.topics}
        self.set_aside = Places()

    def take(self, records: Sequence[Record]) -> None:
        """Note further records of one partition."""
        expectation = self.of[records[0].topic]
        due = self._due.get((records[0].topic, records[0].partition), Stretch(0, 0)).end
        for record in records:
            expectation.records += 1
            try:
                place = self._transcriber.place(record)
            except Erased as erased:
                expectation.erased.add(erased.document_id, record.offset)
            except Rejection:
                expectation.rejected[record.partition] += 1
            else:
                which = expectation.expected if record.offset < due else expectation.later
                which.add(place.id, record.offset)
                if record.topic == self._letters:
                    self._note_letter(record)

    def is_set_aside(self, topic: str, partition: int, record_offset: int, id_: str) -> bool:
        """Whether the indexer made a dead letter of a record instead of its document."""
        if not self.set_aside:
            return False
        own = f"{self._transcriber.topic_ids.get(topic, '')}-{partition}-{record_offset}"
        parts = split_id(id_)
        event = parts[0]._replace(slot="").id_of(parts[1]) if parts else own
        return own in self.set_aside or event in self.set_aside

    def _note_letter(self, record: Record) -> None:
        letter = dead_letters.from_headers([(k, v or b"") for k, v in record.headers or ()])
        if letter.stage == "indexer":
            self.set_aside.add(coordinates_id(letter.source))
