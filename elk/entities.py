"""Which entity a record that was set aside speaks of, as far as anything in it says so (pure)."""

import re

import msgspec

from contracts.dead_letters import DeadLetter
from contracts.topics import Topics

_MOST_BYTES = 256
_ENTITY_ID = re.compile(rb'"entity_id"\s*:\s*("(?:[^"\\]|\\.){1,2048}")')


def entities_of(letter: DeadLetter, key: bytes | None, value: bytes, topics: Topics) -> list[str]:
    """Entity ids: the key of the record, and an `entity_id` in its value, however broken that is.

    None for records of topics that have another key.
    """
    inputs = (topic.name for topic in topics.inputs)
    keyed = (*inputs, topics.predictions.name, topics.shadow_predictions.name)
    if letter.source.topic not in keyed:
        return []
    found = [_text(key or b""), _named(value)]
    return list(dict.fromkeys(entity for entity in found if entity))


def _named(value: bytes) -> str | None:
    match = _ENTITY_ID.search(value)
    try:
        return msgspec.json.decode(match[1], type=str) if match else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _text(key: bytes) -> str | None:
    try:
        return key.decode() if len(key) <= _MOST_BYTES else None
    except UnicodeDecodeError:
        return None
