"""kafka-python's consumer, made to read what hostile clients send.

Kafka keeps a record with a header whose name is not UTF-8. kafka-python 3.0.12 raises at every
poll that meets one, for ever; stepping over it does not help, since a batch is always parsed from
its start. Here only the headers of that record are lost: they are None, and its neighbours, its
key and its value are as they were sent. A batch that fails its checksum stays an error.

It also unpacks a compressed batch whatever comes out, and a few KiB can become many GiB. Here the
values of a batch that is too large unpacked are `NotUnpacked`, under their offsets.
"""

from typing import Any

from kafka import KafkaConsumer
from kafka.errors import CorruptRecordError
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.util import decode_varint

from contracts.kafka_access import require_entry
from contracts.kafka_clients import python_client_settings
from contracts.not_unpacked import NotUnpacked
from contracts.settings import Settings
from contracts.unpacking import unpack

APPENDED = 1
"""Its word for a time stamp that the broker gave (KIP-32)."""


_READER = {
    "group_id": None,
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "allow_auto_create_topics": False,
    "metrics_enabled": False,
}


def python_consumer(settings: Settings, *topics: str, **options: Any) -> KafkaConsumer:
    """Connect a consumer of kafka-python that only reads, from the first record on, and keeps no
    position in Kafka; the `headers` of its records may be None, see above.

    Args:
        options: its settings, where others are wanted than these.

    Raises:
        KafkaError: Kafka does not answer.
        AccessError: it is not trusted, or does not let us in.
    """
    require_entry(settings)
    read_any_header_name()
    return KafkaConsumer(*topics, **{**python_client_settings(settings), **_READER, **options})


def read_any_header_name() -> None:
    """Let all consumers of this process read on at a header name that is not UTF-8."""
    memory_records.DefaultRecordBatch = _TolerantBatch


class _TolerantBatch(DefaultRecordBatch):  # type: ignore[misc]
    _too_large: NotUnpacked | None = None
    _decompressed: bool
    _buffer: bytearray
    _pos: int

    def _maybe_uncompress(self) -> None:
        if self._decompressed or self.compression_type == self.CODEC_NONE:
            self._decompressed = True
            return
        found = unpack(self.compression_type, bytes(memoryview(self._buffer)[self._pos :]))
        if found is None:
            self._too_large = NotUnpacked()
            self._too_large.last_offset = self.last_offset
        self._buffer, self._pos = bytearray(found or b""), 0
        self._decompressed = True

    def _read_msg(self) -> DefaultRecord:
        if self._too_large is not None:
            return self._record(0, self._next_record_index, 0, None, self._too_large)
        try:
            return super()._read_msg()
        except UnicodeDecodeError:
            return self._read_without_headers()

    def _read_without_headers(self) -> DefaultRecord:
        """Take the present record apart; anything but a name that is no text stays an error."""
        buffer = self._buffer
        length, start = decode_varint(buffer, self._pos)
        _, at = decode_varint(buffer, start)  # attributes
        later, at = decode_varint(buffer, at)
        offset, at = decode_varint(buffer, at)
        key, at = _bytes_at(buffer, at)
        value, at = _bytes_at(buffer, at)
        headers, at = decode_varint(buffer, at)
        for _ in range(2 * headers):  # a name and a value each
            _, at = _bytes_at(buffer, at)
        if at - start != length:
            raise CorruptRecordError(f"Invalid record size: {at - start} bytes, not {length}")
        self._pos = at
        return self._record(length, offset, later, key, value)

    def _record(
        self, length: int, offset: int, later: int, key: bytes | None, value: bytes | None
    ) -> DefaultRecord:
        appended = self.timestamp_type == self.LOG_APPEND_TIME
        return DefaultRecord(
            length,
            self.base_offset + offset,
            self.max_timestamp if appended else self.first_timestamp + later,
            self.timestamp_type,
            key,
            value,
            None,
        )


def _bytes_at(buffer: Any, at: int) -> tuple[bytes | None, int]:
    length, at = decode_varint(buffer, at)
    return (None, at) if length < 0 else (bytes(buffer[at : at + length]), at + length)
