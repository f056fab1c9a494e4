"""Which partition a key belongs to: the murmur2 hash that Kafka's own clients use."""

import struct
from functools import lru_cache
from typing import Any

from kafka.partitioner.abc import Partitioner

_REMEMBERED_KEYS = 100_000
_SEED = 0x9747B28C
_M = 0x5BD1E995
_32_BITS = 0xFFFFFFFF


@lru_cache(_REMEMBERED_KEYS)
def positive_hash(key: bytes) -> int:
    """murmur2 without its sign bit, as in Kafka's `Utils.toPositive(Utils.murmur2(key))`.

    Entities come back and the hash is slow in pure Python: those seen last are remembered.
    """
    return murmur2(key) & 0x7FFFFFFF


def murmur2(key: bytes) -> int:
    """Kafka's MurmurHash2, 32 bits (`org.apache.kafka.common.utils.Utils.murmur2`).

    The same values as kafka-python's, a word at a time instead of a byte at a time.
    """
    length = len(key)
    words, rest = divmod(length, 4)
    hashed = _SEED ^ length
    for word in struct.unpack_from(f"<{words}I", key):
        word = word * _M & _32_BITS
        word = (word ^ word >> 24) * _M & _32_BITS
        hashed = hashed * _M & _32_BITS ^ word
    if rest:
        hashed = (hashed ^ int.from_bytes(key[-rest:], "little")) * _M & _32_BITS
    hashed = (hashed ^ hashed >> 13) * _M & _32_BITS
    return hashed ^ hashed >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """The partition, 0 to `partitions` - 1, that every client with the standard hash picks."""
    return positive_hash(key) % partitions


class KeyPartitioner(Partitioner):  # type: ignore[misc]  # kafka-python carries no types
    """kafka-python's default partitioner for records that have a key, with a memory."""

    def partition(
        self,
        topic: str,
        key: Any,
        serialized_key: bytes,
        value: Any,
        serialized_value: bytes,
        cluster: Any,
    ) -> int:
        """Pick the partition of a record; all our records have a key."""
        return partition_of(serialized_key, len(cluster.partitions_for_topic(topic)))
