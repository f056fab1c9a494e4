"""When a worker counts as left out of its group."""

import json

from contracts.operating.membership import Membership


def statistics(join_state: str) -> str:
    return json.dumps({"cgrp": {"join_state": join_state}})


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
