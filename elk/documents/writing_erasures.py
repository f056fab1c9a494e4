"""Telling an erasure, so that every indexer and every rebuild knows it from then on."""

import secrets
from collections.abc import Mapping
from datetime import datetime

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from contracts.erasures import Erasure, entity_hash, event_hash
from contracts.errors import DeliveryError
from contracts.kafka import python_client_settings, require_rights
from contracts.settings import Settings
from contracts.topics import Topics
from elk.documents.traces import Events

_EVENTS_AT_ONCE = 10_000
"""Some 350 kB a record."""
_ACKNOWLEDGEMENT_SECONDS = 60.0
_SALT_BYTES = 16


def write_erasure(
    settings: Settings,
    salt: str | None,
    entity: str,
    events: Events,
    at: datetime,
    ends: Mapping[str, tuple[int, ...]],
) -> None:
    """Put an erasure on its topic, in as many records as its events need.

    Args:
        salt: that of this installation, None if nothing was erased yet.

    Raises:
        DeliveryError: Kafka did not acknowledge it.
        AccessError: it does not allow that.
    """
    topic = Topics(settings).erasures
    require_rights(settings, write=[topic.name])
    salt = salt or secrets.token_hex(_SALT_BYTES)
    known_as = entity_hash(salt, entity)
    hashes = sorted(event_hash(salt, model, event) for model, event in events)
    parts = [hashes[n : n + _EVENTS_AT_ONCE] for n in range(0, len(hashes), _EVENTS_AT_ONCE)]
    try:
        producer = KafkaProducer(
            **python_client_settings(settings),
            max_request_size=int(topic.config["max.message.bytes"]),
            allow_auto_create_topics=False,
        )
        try:
            for part in parts or [[]]:
                erasure = Erasure(salt=salt, entity=known_as, events=tuple(part), at=at, ends=ends)
                value = msgspec.json.encode(erasure)
                producer.send(topic.name, value, key=known_as.encode()).get(
                    timeout=_ACKNOWLEDGEMENT_SECONDS
                )
        finally:
            producer.close(timeout=1)
    except KafkaError as error:
        raise DeliveryError(f"Kafka did not take the erasure: {error}") from error
