"""When a worker counts as left out of its group."""

import json

import pytest

from contracts.operating.membership import Membership


def statistics(join_state: str, size: int = 0, *states: str) -> str:
    partitions = {str(number): {"fetch_state": state} for number, state in enumerate(states)}
    return json.dumps(
        {
            "cgrp": {"join_state": join_state, "assignment_size": size},
            "topics": {"features": {"partitions": partitions | {"-1": {"fetch_state": "none"}}}},
        }
    )


def test_only_the_time_counts_in_which_kafka_answers_and_the_group_does_not_rest() -> None:
    now = 0.0
    membership = Membership(lambda: now)
    for seconds, told, answers, unsettled in (
        (5.0, statistics("steady"), True, 0.0),
        (10.0, statistics("wait-join"), True, 5.0),
        (60.0, statistics("wait-join"), False, 0.0),
        (70.0, statistics("init"), True, 10.0),
        (80.0, "{}", True, 20.0),
        (90.0, statistics("steady"), True, 0.0),
    ):
        now = seconds
        membership.take(told, answers)
        assert membership.unsettled_seconds == unsettled


@pytest.mark.parametrize(
    ("states", "settled"),
    [
        (("active", "active", "none", "none"), True),
        (("active", "offset-query", "none", "none"), True),
        (("active", "none", "none", "none"), False),
        (("stopped", "none", "active", "stopping"), False),
    ],
)
def test_a_member_that_does_not_begin_to_read_what_it_was_given_is_not_settled(
    states: tuple[str, ...], settled: bool
) -> None:
    now = 0.0
    membership = Membership(lambda: now)
    now = 10.0
    membership.take(statistics("steady", 2, *states), kafka_answers=True)
    assert membership.unsettled_seconds == (0.0 if settled else 10.0)
