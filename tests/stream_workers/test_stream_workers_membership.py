"""When a worker counts as left out of its group."""

import json

from stream_workers.membership import Membership


def statistics(join_state: str, broker: str = "UP") -> str:
    return json.dumps({"brokers": {"b": {"state": broker}}, "cgrp": {"join_state": join_state}})


def test_only_the_time_counts_in_which_kafka_answers_and_the_group_does_not_rest() -> None:
    now = 0.0
    membership = Membership(lambda: now)
    for seconds, told, unsettled in (
        (5.0, statistics("steady"), 0.0),
        (10.0, statistics("wait-join"), 5.0),
        (60.0, statistics("wait-join", "CONNECT"), 0.0),
        (70.0, statistics("init"), 10.0),
        (80.0, json.dumps({"brokers": {"b": {"state": "UP"}}}), 20.0),
        (90.0, statistics("steady"), 0.0),
    ):
        now = seconds
        membership.take(told)
        assert membership.unsettled_seconds == unsettled
