"""Events of an entity that stand on `features` and are not scored yet."""

from collections.abc import Mapping

import msgspec
from msgspec import Struct

from contracts.kafka_reading import Partition
from contracts.settings import Settings
from elk.documents.kafka_log import KafkaLog, Stretch
from elk.documents.traces import Events


class _Named(Struct):
    event_id: str
    entity_id: str
    model: str | None = None


def unscored_events(
    settings: Settings, log: KafkaLog, left: Mapping[Partition, Stretch], entity: str
) -> Events:
    """Read the events that no worker has finished, and pick those of the entity."""
    found: Events = set()
    for records in log.records(left):
        for record in records:
            try:
                event = msgspec.json.decode(record.value or b"", type=_Named)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue  # will be a dead letter, known by its key
            model = event.model or settings.default_model
            if event.entity_id == entity and model is not None:
                found.add((model, event.event_id))
    return found
