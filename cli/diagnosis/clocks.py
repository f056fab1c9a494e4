"""Clocks: latencies and limits on event times compare those of several machines (pure)."""

from collections.abc import Iterator, Mapping

from cli.diagnosis.findings import Finding, error, ok, warning

CHECK = "clocks"
SOME_SECONDS = 2.0
MANY_SECONDS = 60.0


def check_clocks(ahead: Mapping[str, float]) -> Iterator[Finding]:
    """Judge clocks.

    Args:
        ahead: whose clock -> by how many seconds it is ahead (negative: behind).
    """
    for who, seconds in ahead.items():
        off = abs(seconds)
        if off < SOME_SECONDS:
            yield ok(CHECK, f"{who}: less than {SOME_SECONDS:.0f} s apart")
            continue
        what = f"{who}: {off:,.1f} s {'ahead' if seconds > 0 else 'behind'}"
        found = error if off >= MANY_SECONDS else warning
        yield found(CHECK, what, "keep the clocks of all machines by NTP (timedatectl, chronyc)")
