"""How long a process that ended rests, and how its end is told."""

import errno
import os
import signal
from itertools import pairwise

import pytest

from contracts.errors import AccessError, ConfigurationError, DeliveryError, UnreachableError
from stream_workers.restarts import USUAL, Restarts, in_words, is_final


def rests(restarts: Restarts, *runs: float) -> list[float]:
    rest, found = 0.0, []
    for ran in runs:
        rest = restarts.rest(rest, ran)
        found.append(rest)
    return found


def test_each_rest_is_twice_the_one_before_up_to_a_bound() -> None:
    assert rests(Restarts(1, 10, 100), *[0.0] * 6) == [1, 2, 4, 8, 10, 10]


def test_who_has_run_well_rests_shortly_again() -> None:
    assert rests(Restarts(1, 10, 100), 0, 99.9, 5, 100, 5, 1e6, 0) == [1, 2, 4, 1, 2, 1, 2]


def test_usual_rests_never_hurry_and_never_end() -> None:
    found = rests(USUAL, *[3.0] * 100)
    assert found[0] == 1
    assert all(earlier <= later for earlier, later in pairwise(found))
    assert found[-1] == 60


def test_waiting_for_a_kafka_that_is_away_is_not_running_well() -> None:
    assert rests(USUAL, *[61.0] * 3) == [1, 2, 4]


@pytest.mark.parametrize(
    ("status", "final"),
    [
        (ConfigurationError.exit_status, True),
        (AccessError.exit_status, True),
        (UnreachableError.exit_status, False),
        (DeliveryError.exit_status, False),
        (0, False),
        (1, False),
        (-signal.SIGKILL, False),
        (-signal.SIGINT, False),
        (OSError(errno.ENOMEM, ""), False),
    ],
)
def test_only_wrong_settings_and_refused_access_are_final(status: int, final: bool) -> None:
    assert is_final(status) is final


def test_an_end_is_told_in_words() -> None:
    assert in_words(1) == "ended with exit status 1"
    assert in_words(-signal.SIGKILL) == "was ended by signal SIGKILL"
    assert in_words(-40) == "was ended by signal 40"
    missing = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    assert in_words(missing) == "could not be started (No such file or directory)"
