"""Each letter is replayed at most once, whoever else does it and whatever is killed meanwhile.

No worker runs, so that what is replayed stays on the topic of events and nothing else does.
"""

import json
from typing import Any

import pytest

from elk.dead_letters.claims import Claims
from elk.dead_letters.sending import Sender

pytestmark = pytest.mark.stack

# `quiet_site` is the fixture of conftest.py; with importlib's import mode it cannot be imported.
Site = Any


class Crash(Exception):
    """What ends a replay at a certain point, as a kill would."""


def crash(*_: Any) -> None:
    raise Crash


def test_two_operators_at_once_replay_each_letter_once(quiet_site: Site) -> None:
    quiet_site.set_aside("crowd", 500)
    quiet_site.wait_for_letters("crowd", 500)
    ids = {letter["id"] for letter in quiet_site.letters("crowd")}

    operators = [quiet_site.start("replay", "--model", "crowd") for _ in range(2)]
    reports = [json.loads(o.communicate(timeout=120)[0].splitlines()[-1]) for o in operators]

    assert sum(report["sent"] for report in reports) == 500
    replayed = quiet_site.replayed()
    assert {replayed[letter] for letter in ids} == {1}


def test_a_replay_that_is_killed_doubles_nothing_and_can_be_finished(quiet_site: Site) -> None:
    quiet_site.set_aside("killed", 800)
    quiet_site.wait_for_letters("killed", 800)
    ids = {letter["id"] for letter in quiet_site.letters("killed")}
    replays = f"{quiet_site.settings.index_prefix}-replays-*"

    def claims() -> int:
        # An index that is just being created answers 503.
        lenient = quiet_site.search.options(ignore_status=503)
        lenient.indices.refresh(index=replays)
        return int(lenient.count(index=replays).get("count", 0))

    before, operator = claims(), quiet_site.start("replay", "--model", "killed")
    quiet_site.wait(lambda: claims() > before or operator.poll() is not None, "the first claims")
    operator.kill()
    operator.communicate(timeout=60)

    rest = quiet_site.millrace("replay", "--model", "killed")
    assert set(rest["left"]) <= {"replayed_before", "claimed"}
    recovered = quiet_site.millrace("recover", "--older-than", "0s")
    assert recovered["undecided"] == 0
    last = quiet_site.millrace("replay", "--model", "killed")
    assert last["sent"] == recovered["reopened"]
    replayed = quiet_site.replayed()
    assert {replayed[letter] for letter in ids} == {1}


def test_what_was_cut_off_is_decided_by_what_kafka_has(
    quiet_site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet_site.set_aside("cut", 2)
    unsent, sent = (letter["id"] for letter in quiet_site.wait_for_letters("cut", 2))
    for letter, owner, method in ((unsent, Sender, "send"), (sent, Claims, "note")):
        with monkeypatch.context() as patch:
            patch.setattr(owner, method, crash)
            with pytest.raises(Crash):
                quiet_site.millrace("replay", "--id", letter)

    assert quiet_site.states("cut") == {"claimed": 2}
    report = quiet_site.millrace("replay", "--model", "cut")
    assert (report["exit"], report["sent"], report["left"]) == (1, 0, {"claimed": 2})
    assert "recover" in report["examples"]["claimed"]["detail"]
    assert quiet_site.millrace("recover")["recent"] == 2

    found = quiet_site.millrace("recover", "--older-than", "0s")

    assert (found["sent"], found["reopened"]) == (1, 1)
    assert quiet_site.states("cut") == {"replayed": 1, "open": 1}
    assert quiet_site.millrace("replay", "--model", "cut")["sent"] == 1
    replayed = quiet_site.replayed()
    assert (replayed[unsent], replayed[sent]) == (1, 1)


def test_a_letter_comes_late_and_what_became_of_it_is_not_lost(quiet_site: Site) -> None:
    """As when Elasticsearch is made anew from Kafka."""
    quiet_site.set_aside("early", 1)
    [letter] = quiet_site.wait_for_letters("early", 1)
    quiet_site.millrace("replay", "--model", "early")
    quiet_site.search.delete(index=letter["index"], id=letter["id"])
    quiet_site.predict_replayed("early")
    quiet_site.wait(lambda: quiet_site.predictions("early"), "the prediction")
    assert quiet_site.letters("early") == []

    quiet_site.search.index(index=letter["index"], id=letter["id"], document=letter["document"])

    quiet_site.wait_for_states("early", resolved=1)
    quiet_site.predict_replayed("early")  # delivered again
    quiet_site.set_aside("after", 1)
    quiet_site.wait_for_letters("after", 1)
    assert quiet_site.states("early") == {"resolved": 1}
    assert len(quiet_site.predictions("early")) == 1
