"""What operators do with dead letters, on a running system: list, mend, replay, each once."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka import TopicPartition

from contracts.errors import UsageError
from contracts.kafka import admin_client

pytestmark = pytest.mark.stack

# `site` is the fixture of conftest.py; with importlib's import mode it cannot be imported.
Site = Any


def test_bad_events_are_grouped_mended_and_replayed_once(site: Site) -> None:
    site.send("late", 2, headers=[("producer", b"billing"), ("origin", b"gate 7")])
    site.send("late", 3, features={})
    letters = site.wait_for_letters("late", 5)

    by_producer = site.millrace("list", "--model", "late", "--group-by", "reason,producer")
    billing = next(g for g in by_producer["groups"] if g["by"]["producer"] == "billing")
    unnamed = next(g for g in by_producer["groups"] if g["by"]["producer"] == "unknown")
    assert billing["by"]["reason"] == "unknown_model"
    assert (billing["letters"], billing["states"]["open"], unnamed["letters"]) == (2, 2, 3)
    assert "late" in billing["detail"]
    assert billing["first_seen"] <= billing["last_seen"]
    assert site.millrace("list", "--model", "late", "--since", "1h")["groups"]
    assert not site.millrace("list", "--model", "late", "--until", "1h")["groups"]

    chosen = next(x for x in letters if x["document"]["dead_letter"]["producer"] == "billing")
    shown = site.millrace("show", chosen["id"])
    assert json.loads(shown["original"]["value"]["text"])["model"] == "late"
    assert ["origin", {"text": "gate 7"}] in shown["original"]["headers"]
    assert json.loads(chosen["document"]["dead_letter"]["excerpt"])["model"] == "late"
    assert {"name": "origin", "text": "gate 7"} in chosen["document"]["dead_letter"]["headers"]

    events = len(site.records(site.topics.features.name))
    dry = site.millrace("replay", "--model", "late", "--dry-run")
    assert (dry["selected"], dry["sent"], dry["dry_run"]) == (5, 5, True)
    assert len(site.records(site.topics.features.name)) == events
    assert site.states("late") == {"open": 5}

    site.publish("late")
    assert site.millrace("replay", "--id", chosen["id"])["sent"] == 1
    rest = site.millrace("replay", "--model", "late")
    assert (rest["exit"], rest["sent"], rest["left"]) == (0, 4, {"replayed_before": 1})
    # Those without the feature fail again, as letters of their own.
    site.wait_for_states("late", resolved=2, failed_again=3, open=3)
    by_id = {letter["id"]: letter for letter in site.letters("late")}
    pointer = by_id[chosen["id"]]["replay"]["resolved"]
    prediction = site.search.get(index=pointer["index"], id=pointer["id"])["_source"]
    assert prediction["event"] == chosen["document"]["event"]
    assert len(site.predictions("late")) == 2
    for again in (x["document"]["dead_letter"] for x in by_id.values() if x["state"] == "open"):
        first = by_id[again["replay_of"]]
        assert first["replay"]["failed_again"]["id"] in by_id
        assert (again["first"], again["attempts"]) == (first["id"], 2)
        assert again["first_seen"] == first["document"]["failed_at"]
        assert again["reason"] == "invalid_features"

    before = site.replayed()
    twice = site.millrace("replay", "--model", "late", "--reason", "unknown_model")
    assert (twice["sent"], twice["left"]) == (0, {"replayed_before": 5})
    assert site.replayed() == before


def test_a_mark_that_was_there_before_does_not_stay(site: Site) -> None:
    """A producer may not put its event down to a letter once that event is set aside itself."""
    forged = [
        ("millrace-replay-of", b"forged-0-1"),
        ("millrace-replay-first", b"forged-0-1"),
        ("millrace-replay-attempt", b"2"),
        ("millrace-replay-first-seen", b"2026-01-01T00:00:00+00:00"),
    ]
    site.send("forged", headers=forged)
    [letter] = site.wait_for_letters("forged", 1)
    site.millrace("replay", "--model", "forged")

    site.wait(lambda: len(site.letters("forged")) == 2, "the second letter")
    newest = site.letters("forged")[0]["document"]["dead_letter"]
    assert newest["replay_of"] == letter["id"]


def test_bytes_that_are_no_text_come_back_as_they_were(site: Site) -> None:
    value = b'\xff\xfe{"model":"\x00'
    site.send_bytes(value, headers=[("raw", b"\xff"), ("none", None), ("producer", b"bytes")])
    found = site.wait(
        lambda: site.millrace("list", "--producer", "bytes", "--letters")["letters"], "the letter"
    )
    shown = site.millrace("show", found[0]["id"])
    assert base64.b64decode(shown["original"]["value"]["base64"]) == value

    site.millrace("replay", "--id", found[0]["id"])
    mark = ("millrace-replay-of", found[0]["id"].encode())
    records = [(r, r.headers() or []) for r in site.records(site.topics.features.name)]
    [(again, headers)] = [(r, headers) for r, headers in records if mark in headers]
    assert (again.value(), again.key(), again.partition()) == (value, b"n", 0)
    assert {("raw", b"\xff"), ("none", None)} <= set(headers)


def test_what_kafka_no_longer_has_is_left_and_said(site: Site) -> None:
    site.send("gone", 2)
    site.wait_for_letters("gone", 2)
    topic = site.topics.dead_letters.name
    ends = {
        TopicPartition(topic, number): -1  # up to the end
        for number in range(site.settings.partitions)
    }
    admin = admin_client(site.settings)
    admin.delete_records(ends)
    admin.close()

    report = site.millrace("replay", "--model", "gone")

    assert (report["exit"], report["sent"], report["left"]) == (1, 0, {"gone": 2})
    assert "no longer has" in report["examples"]["gone"]["detail"]
    assert site.states("gone") == {"open": 2}
    [letter, _] = site.letters("gone")
    shown = site.millrace("show", letter["id"])
    assert shown["original"] is None
    assert json.loads(shown["document"]["dead_letter"]["excerpt"])["model"] == "gone"


def test_a_document_that_did_not_fit_is_indexed_again_after_the_fix(site: Site) -> None:
    site.publish("misfit")
    index = f"{site.settings.index_prefix}-predictions-misfit-{datetime.now(UTC):%Y.%m}"
    wrong = {"properties": {"latency": {"properties": {"queue_ms": {"type": "boolean"}}}}}
    site.search.indices.create(index=index, mappings=wrong)
    site.send("misfit", headers=[("producer", b"billing")])
    [letter] = site.wait_for_letters("misfit", 1)
    found = letter["document"]["dead_letter"]
    assert (found["stage"], found["reason"]) == ("indexer", "document_rejected")
    assert "latency.queue_ms" in found["detail"]
    assert found["producer"] == "billing"
    answers = len(site.records(site.topics.predictions.name))

    refused = site.millrace("replay", "--model", "misfit")
    assert (refused["exit"], refused["indexed"], refused["left"]) == (1, 0, {"refused": 1})
    assert "latency.queue_ms" in refused["examples"]["refused"]["detail"]
    assert site.states("misfit") == {"open": 1}

    site.search.indices.delete(index=index)
    done = site.millrace("replay", "--model", "misfit")

    assert (done["exit"], done["indexed"]) == (0, 1)
    assert site.states("misfit") == {"resolved": 1}
    [resolved] = site.letters("misfit")
    assert resolved["replay"]["resolved"] == {"index": index, "id": f"{letter['id']}-serving"}
    assert [p["event"]["id"] for p in site.predictions("misfit")] == ["misfit-0"]
    assert len(site.records(site.topics.predictions.name)) == answers
    assert site.millrace("replay", "--model", "misfit")["indexed"] == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["replay"], "say which letters"),
        (["replay", "--reason", "bad"], "no reason 'bad': choose of"),
        (["replay", "--id", "no-0-1"], "no dead letter 'no-0-1'"),
        (["show", "no-0-1"], "no dead letter 'no-0-1'"),
        (["list", "--since", "soon"], "'soon' is no time"),
        (["list", "--group-by", "colour"], "grouped by 'colour'"),
    ],
)
def test_mistakes_are_one_sentence(site: Site, arguments: list[str], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        site.millrace(*arguments)
