"""Unpacking what strangers have compressed, up to a bound."""

import io
import zlib

import lz4.frame
import zstandard
from kafka.codec import snappy_decode

from contracts.not_unpacked import MOST_BYTES

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
"""Kafka's numbers (KIP-98, attributes of a record batch)."""

_GZIP_FORMAT = 31  # of zlib's `wbits`


def unpack(codec: int, data: bytes, most: int = MOST_BYTES) -> bytes | None:
    """Unpack a batch; None if more than `most` bytes would come out.

    Raises:
        zlib.error, zstandard.ZstdError, RuntimeError, ValueError: it is damaged.
    """
    found = _unpack(codec, data, most + 1)
    return found if len(found) <= most else None


def _unpack(codec: int, data: bytes, most: int) -> bytes:
    if codec == GZIP:
        return _gunzip(data, most)
    if codec == LZ4:
        return bytes(lz4.frame.LZ4FrameDecompressor().decompress(data, most))
    if codec == ZSTD:
        with zstandard.ZstdDecompressor().stream_reader(
            io.BytesIO(data), read_across_frames=True
        ) as reader:
            return reader.read(most)
    if codec == SNAPPY:
        return bytes(snappy_decode(data))  # a byte becomes 21 at most
    raise ValueError(f"codec {codec} is unknown")


def _gunzip(data: bytes, most: int) -> bytes:
    found = bytearray()
    while data and len(found) < most:
        member = zlib.decompressobj(_GZIP_FORMAT)
        found += member.decompress(data, most - len(found))
        data = member.unused_data
    return bytes(found)
