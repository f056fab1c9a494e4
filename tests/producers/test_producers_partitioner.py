"""All clients must agree on an entity's partition: checked against kafka-python's own hash."""

import random

from kafka.partitioner.default import murmur2 as reference

from producers.partitioner import murmur2, partition_of


def test_keys_of_every_length_hash_as_in_kafkas_own_clients() -> None:
    source = random.Random(1)
    for length in range(300):
        key = source.randbytes(length)
        assert murmur2(key) == reference(key)


def test_known_values_of_kafkas_test_suite() -> None:
    # org.apache.kafka.common.utils.UtilsTest.testMurmur2
    signed = {b"21": -973932308, b"foobar": -790332482, b"a-little-bit-long-string": -985981536}
    assert {key: murmur2(key) for key in signed} == {k: v & 0xFFFFFFFF for k, v in signed.items()}


def test_a_partition_is_the_hash_without_sign_modulo_the_number_of_partitions() -> None:
    assert partition_of(b"foobar", 7) == (-790332482 & 0x7FFFFFFF) % 7
