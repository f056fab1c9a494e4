"""The two ways to start a replay are one command; its words and exit status."""

import inspect

import msgspec

from cli.produce import produce
from producers.__main__ import parser
from producers.command import exit_status, sentences
from producers.replay_summary import ReplaySummary

DONE = ReplaySummary(
    file="t.csv",
    model="m",
    model_version="1",
    topic="features",
    rows=10,
    rows_done=10,
    resumed_at=0,
    sent=10,
    acknowledged=10,
    labels=0,
    refused=0,
    failed=0,
    seconds=1.0,
    events_per_second=10.0,
    interrupted=False,
    finished=True,
    failure=None,
    first_refusal=None,
)


COMMAND_ONLY = {"synthetic", "events", "onset", "start", "event_span", "seed", "label_share", "out"}


def test_both_ways_have_the_same_options_for_files() -> None:
    options = {action.dest for action in parser()._actions} - {"help"}
    assert options | {"label_delay"} | COMMAND_ONLY == set(inspect.signature(produce).parameters)


def test_the_exit_status_tells_done_stopped_and_failed_apart() -> None:
    stopped = msgspec.structs.replace(DONE, rows_done=4, finished=False, interrupted=True)
    failed = msgspec.structs.replace(stopped, failed=2, failure="Kafka is gone", interrupted=False)
    refused = msgspec.structs.replace(DONE, refused=1, first_refusal="too large")
    assert [exit_status(s) for s in (DONE, stopped, failed, refused)] == [0, 130, 1, 1]
    assert "--resume" in " ".join(sentences(stopped))
    assert "--resume" not in " ".join(sentences(DONE))
    assert "Kafka is gone" in " ".join(sentences(failed))
    assert "too large" in " ".join(sentences(refused))
