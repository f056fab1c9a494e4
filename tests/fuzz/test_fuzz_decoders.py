"""Any bytes give an event, or a refusal with a reason: never another exception (fixed budget)."""

import gc
import subprocess
import sys
import tracemalloc

import pytest
from fuzz_seeds import SEEDS
from fuzz_targets import TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from service_processes import PROJECT

MIB = 1024 * 1024
EXAMPLES = 150
BOMBS = {
    "nested arrays": b"[" * MIB,
    "nested objects": b'{"a":' * (MIB // 5),
    "long number": b"9" * MIB,
    "huge exponent": b"1e999999999",
    "many members": b"{" + b'"":0,' * (MIB // 5) + b'"":0}',
    "no text": b"\xff\xfe" * (MIB // 2),
}


@st.composite
def damaged(draw: st.DrawFn, seed: bytes) -> bytes:
    """A valid input with some of its bytes replaced, repeated, or cut away."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        length = draw(st.integers(0, 12))
        data[at : at + length] = draw(st.binary(max_size=12) | st.sampled_from(_TOKENS))
    return bytes(data)


_TOKENS = [b'"', b"null", b"-0", b"1e308", b"1e400", b"[", b"{", b"\\ud800", b"\x00", b"NaN"]
_TOKENS += [b"9" * 30, b"0001-01-01T00:00:00+23:59", b"9999-12-31T23:59:59-23:59", b"\xff"]


@pytest.mark.parametrize("name", TARGETS)
def test_any_bytes_are_read_or_refused(name: str) -> None:
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.binary(max_size=300) | damaged(SEEDS[name]))
    def read(data: bytes) -> None:
        TARGETS[name](data)

    TARGETS[name](SEEDS[name])
    read()


@pytest.mark.parametrize("name", TARGETS)
def test_a_mebibyte_made_to_hurt_costs_a_bounded_amount_of_memory(name: str) -> None:
    for bomb in BOMBS.values():
        gc.collect()
        tracemalloc.start()
        TARGETS[name](bomb)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 64 * MIB


def test_a_short_run_of_the_coverage_guided_fuzzer_finds_nothing() -> None:
    done = subprocess.run(
        [sys.executable, PROJECT / "tests/fuzz/guided.py", "--runs", "300", *TARGETS],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=250,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(f"{name}: " in done.stdout for name in TARGETS)
