"""What engineers order by one command, seen from the topics: canary, shadow, rollback, pause."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from contracts.errors import DeploymentError
from contracts.events import FeatureEvent, Prediction
from contracts.keys import TrustedKey, load_trusted_keys, revoke, rotate_key, trust
from contracts.settings import Settings
from trainer import (
    pause,
    promote,
    publish,
    resume,
    retire,
    roll_back,
    start_canary,
    start_shadow,
)
from trainer.deployments.roll_call import call_roll

pytestmark = [pytest.mark.stack, pytest.mark.long]

Works = Any
MODEL = "sizes"


def serving(works: Works, sequence: int) -> None:
    works.wait_for(
        lambda: any(e.sequence == sequence for e in works.model_events("swapped")),
        f"sequence {sequence} being served",
    )


def answers(works: Works, count: int) -> Counter[float]:
    return Counter(p.prediction.value for p in works.wait_for_predictions(count))


def test_a_canary_serves_its_share_and_always_the_same_entities(works: Works) -> None:
    works.store_version("1", 1.0)
    works.store_version("2", 2.0)
    publish(works.settings, MODEL, "1")
    start_canary(works.settings, MODEL, "2", 0.25, "try it")
    works.start_worker()
    entities = [works.event(event_id=f"e{n}", entity_id=f"n{n % 400}") for n in range(1200)]
    works.send(*entities)
    found = works.wait_for_predictions(1200)
    by_entity: dict[str, set[str]] = {}
    for prediction in found:
        by_entity.setdefault(prediction.entity_id, set()).add(prediction.model.version)
        assert prediction.model.role == (
            "canary" if prediction.model.version == "2" else "champion"
        )
    assert all(len(versions) == 1 for versions in by_entity.values())
    share = sum(versions == {"2"} for versions in by_entity.values()) / 400
    assert 0.15 < share < 0.35
    start_canary(works.settings, MODEL, "2", 0.6, "more")
    serving(works, 3)
    works.send(*(works.event(event_id=f"f{n}", entity_id=f"n{n}") for n in range(400)))
    later = {
        p.entity_id: p.model.version
        for p in works.wait_for_predictions(1600)
        if p.event_id.startswith("f")
    }
    kept = [later[entity] for entity, versions in by_entity.items() if versions == {"2"}]
    assert set(kept) == {"2"}, "a greater share keeps those who have the canary already"
    assert sum(version == "2" for version in later.values()) > len(kept)


def test_a_shadow_scores_everything_and_nobody_who_acts_sees_it(works: Works) -> None:
    works.store_version("1", 1.0)
    works.store_version("2", 2.0)
    publish(works.settings, MODEL, "1")
    start_shadow(works.settings, MODEL, "2", "look at it")
    works.start_worker()
    works.send(*works.events(50))
    assert answers(works, 50) == {1.0: 50}
    shadows = [
        msgspec.json.decode(record.value(), type=Prediction)
        for record in works.records(works.topics.shadow_predictions.name)
    ]
    assert Counter(p.prediction.value for p in shadows) == {2.0: 50}
    assert all(p.features is None for p in shadows)


def test_a_rollback_swaps_without_loading_even_if_the_store_is_gone(works: Works) -> None:
    works.store_version("1", 1.0)
    works.store_version("2", 2.0)
    publish(works.settings, MODEL, "1")
    works.start_worker()
    serving(works, 1)
    promote(works.settings, MODEL, "2")
    serving(works, 2)
    loaded = len(works.model_events("loaded"))
    back = roll_back(works.settings, MODEL, reason="too many alarms")
    assert back.deployment.champion.version == "1"
    serving(works, 3)
    assert len(works.model_events("loaded")) == loaded
    works.send(*works.events(20))
    assert answers(works, 20) == {1.0: 20}


def test_a_worker_that_starts_later_keeps_the_version_before_loaded_too(works: Works) -> None:
    works.store_version("1", 1.0)
    works.store_version("2", 2.0)
    publish(works.settings, MODEL, "1")
    promote(works.settings, MODEL, "2")
    works.start_worker()
    serving(works, 2)
    roles = {e.version: e.role for e in works.model_events("loaded")}
    assert roles == {"2": "champion", "1": "standby"}


def test_a_retired_version_is_unloaded_and_stays_out(works: Works) -> None:
    works.store_version("1", 1.0)
    works.store_version("2", 2.0)
    publish(works.settings, MODEL, "1")
    start_canary(works.settings, MODEL, "2", 0.5, "try it")
    works.start_worker()
    retire(works.settings, MODEL, "2", "leaked labels")
    serving(works, 3)
    works.send(*works.events(40))
    assert answers(works, 40) == {1.0: 40}


def test_workers_tell_what_they_really_run(works: Works) -> None:
    works.store_version("1", 1.0)
    works.store_version("2", 2.0)
    publish(works.settings, MODEL, "1")
    start_canary(works.settings, MODEL, "2", 0.5, "try it")
    works.start_worker()
    works.start_worker()
    works.wait_for(lambda: len(works.model_events("swapped")) >= 2, "two workers")

    def asked() -> list[Any]:
        found = call_roll(works.settings, MODEL, (), patience=10.0)
        return found if len(found) == 2 else []

    found = works.wait_for(asked, "two answers")
    assert len({answer.member for answer in found}) == 2
    for answer in found:
        assert answer.versions == {"1": "champion", "2": "canary"}
        assert answer.sequence == 2
    [nothing, _] = call_roll(works.settings, "another", [a.member for a in found])
    assert nothing.versions == {}


def test_events_of_a_paused_model_wait_and_others_go_on(works: Works) -> None:
    from stream_workers.waiting import return_waiting

    works.store_version("1", 1.0)
    publish(works.settings, MODEL, "1")
    works.start_worker()
    works.send(*works.events(30))
    works.wait_for_predictions(30)
    pause(works.settings, MODEL, "the upstream table is wrong")
    serving(works, 2)
    works.send(*works.events(60, first=100), works.event(model="absent"))
    works.wait_for(works.dead_letters, "the event of another model")
    works.wait_for(
        lambda: len(works.records(works.topics.waiting.name)) >= 60, "60 events that wait"
    )
    assert len(works.predictions()) == 30
    resume(works.settings, MODEL)
    serving(works, 3)
    assert return_waiting(works.settings, MODEL) == 60
    assert return_waiting(works.settings, MODEL) == 0, "each of them once"
    found = works.wait_for_predictions(90)
    assert Counter(p.event_id for p in found) == Counter(
        [f"e{n}" for n in (*range(30), *range(100, 160))]
    )
    keys = {record.key() for record in works.records(works.topics.waiting.name)}
    assert keys == {f"n{n}".encode() for n in range(60)}


def test_a_model_with_a_topic_of_its_own_has_workers_of_its_own(
    works: Works, settings: Settings, running: Any
) -> None:
    from contracts.kafka import create_topics
    from producers.client import FeatureProducer

    own = settings.model_copy(update={"own_topics": MODEL})
    create_topics(own)
    works.store_version("1", 1.0)
    publish(own, MODEL, "1")
    running.start("stream_workers", MILLRACE_OWN_TOPICS=MODEL, MILLRACE_WORKER_MODEL=MODEL)
    with FeatureProducer(own) as producer:
        for value in works.events(25):
            producer.send(msgspec.json.decode(value, type=FeatureEvent))
    found = works.wait_for_predictions(25)
    assert {p.source.topic for p in found} == {f"{own.topic_prefix}features-{MODEL}"}
    assert works.records(works.topics.features.name) == []
    works.send(*works.events(5))
    works.start_worker()
    works.wait_for(lambda: len(works.predictions()) == 30, "the shared topic has workers too")
    stray = running.start("stream_workers", MILLRACE_WORKER_MODEL="another")
    stray.wait_for_log("has no topic of its own", 60)
    assert "has no topic of its own: name it in MILLRACE_OWN_TOPICS" in stray.output


def test_a_key_counts_from_the_record_after_which_it_is_trusted(works: Works) -> None:
    keys = works.settings.keys
    for number in range(1, 5):
        works.store_version(str(number), float(number))
    publish(works.settings, MODEL, "1")
    works.start_worker()
    serving(works, 1)
    old, new = rotate_key(keys, "deployments")
    publish(works.settings, MODEL, "2")
    serving(works, 2)
    revoke(keys, "deployments", new)
    with pytest.raises(DeploymentError, match="no worker will accept it"):
        publish(works.settings, MODEL, "3")
    works.wait_for(lambda: works.model_events("rejected"), "a refusal")
    assert f"signed by {new}; trusted keys here: {old}" in works.model_events("rejected")[0].reason


def test_a_key_that_has_expired_signs_nothing_more_but_what_it_signed_counts(
    works: Works,
) -> None:
    keys = works.settings.keys
    works.store_version("1", 1.0)
    works.store_version("2", 2.0)
    publish(works.settings, MODEL, "1")
    [(keyid, key)] = load_trusted_keys(keys, "deployments").items()
    trust(keys, "deployments", TrustedKey(key.public_key, not_after=datetime.now(UTC)))
    with pytest.raises(DeploymentError, match="no worker will accept it"):
        publish(works.settings, MODEL, "2")
    works.start_worker()
    serving(works, 1)
    works.wait_for(lambda: works.model_events("rejected"), "a refusal")
    assert f"by key {keyid}, which expired" in works.model_events("rejected")[0].reason
    works.send(*works.events(10))
    assert answers(works, 10) == {1.0: 10}
