"""The rate of a replay, by a clock that only moves when told."""

import pytest

from producers.pacing import Pace


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def send(pace: Pace, clock: Clock, events: int) -> float:
    began = clock.now
    for _ in range(events):
        clock.now += max(0.0, pace.delay())
        pace.sent()
    return clock.now - began


@pytest.mark.parametrize("rate", [0.5, 10.0, 3333.0])
def test_events_are_spread_evenly_over_time(rate: float) -> None:
    clock = Clock()
    assert send(Pace(rate, clock), clock, 101) == pytest.approx(100 / rate)


def test_late_wake_ups_are_made_up_for() -> None:
    clock = Clock()
    pace = Pace(100, clock)
    for _ in range(100):
        clock.now += max(0.0, pace.delay()) + 0.004  # sleeping takes longer than asked
        pace.sent()
    assert clock.now - 1000.0 == pytest.approx(0.99, abs=0.02)


def test_a_long_stall_causes_no_flood() -> None:
    clock = Clock()
    pace = Pace(100, clock)
    send(pace, clock, 10)
    clock.now += 60
    at_once = 0
    while pace.delay() <= 0:
        pace.sent()
        at_once += 1
    assert at_once <= 12
