"""What strangers have compressed comes out as it went in, up to a bound."""

import os
import resource
import subprocess
import sys

import pytest
from kafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode

from contracts.unpacking import GZIP, LZ4, SNAPPY, ZSTD, unpack

CODECS = {
    GZIP: gzip_encode,
    SNAPPY: snappy_encode,
    LZ4: lz4_encode,
    ZSTD: zstd_encode,
}
codecs = pytest.mark.parametrize("codec", CODECS)
MIXED = os.urandom(70_000) + b"\0" * 70_000


@codecs
@pytest.mark.parametrize("data", [b"x", MIXED], ids=["a byte", "much"])
def test_what_was_packed_comes_out(codec: int, data: bytes) -> None:
    assert unpack(codec, CODECS[codec](data)) == data


@codecs
def test_what_is_too_large_unpacked_does_not_come_out(codec: int) -> None:
    packed = CODECS[codec](MIXED)
    assert unpack(codec, packed, len(MIXED)) == MIXED
    assert unpack(codec, packed, len(MIXED) - 1) is None


@pytest.mark.parametrize("codec", [GZIP, ZSTD])
def test_parts_that_were_packed_one_by_one_count_together(codec: int) -> None:
    parts = CODECS[codec](b"a" * 1000) + CODECS[codec](b"b" * 1000)
    assert unpack(codec, parts) == b"a" * 1000 + b"b" * 1000
    assert unpack(codec, parts, 1999) is None


@pytest.mark.parametrize("codec", [GZIP, LZ4, ZSTD])
def test_a_bomb_takes_no_more_memory_than_its_bound(codec: int) -> None:
    packed = CODECS[codec](b"\0" * 300_000_000)
    limit = 1_000_000_000
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from contracts.unpacking import unpack; "
            f"print(unpack({codec}, sys.stdin.buffer.read(), 10_000_000))",
        ],
        input=packed,
        capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        timeout=60,
    )
    assert done.stdout == b"None\n", done.stderr[-500:]
