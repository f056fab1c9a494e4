"""What workers make of a control topic that others write to, of stolen keys, and of a pause in
trouble."""

from collections import Counter
from pathlib import Path
from typing import Any

import confluent_kafka as ck
import pytest
from bombs import bomb
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contracts.control_topic import read_control
from contracts.keys import TrustedKey, load_trusted_keys, revoke, trust
from stream_workers.waiting import return_waiting
from trainer import pause, publish
from trainer.deployments.roll_call import call_roll

pytestmark = pytest.mark.stack

Works = Any
MODEL = "sizes"


def swaps(works: Works) -> Counter[tuple[str, int, str]]:
    """How often each worker has swapped to a sequence and version."""
    return Counter((e.member, e.sequence, e.version) for e in works.model_events("swapped"))


def wait_for_swaps(works: Works, sequence: int, version: str, workers: int = 1) -> None:
    def all_have() -> bool:
        return sum(found[1:] == (sequence, version) for found in swaps(works)) >= workers

    works.wait_for(all_have, f"sequence {sequence}, version {version} on {workers} workers")


def transactional(works: Works, name: str) -> ck.Producer:
    producer = ck.Producer({"bootstrap.servers": works.settings.kafka, "transactional.id": name})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(works.topics.model_control.name, b"{", MODEL)
    assert producer.flush(60) == 0
    return producer


def test_nothing_that_stands_on_the_control_topic_stops_those_who_read_it(works: Works) -> None:
    control, kafka = works.topics.model_control.name, works.settings.kafka
    for number in "1234":
        works.store_version(number, float(number))
    publish(works.settings, MODEL, "1")
    works.start_worker()
    wait_for_swaps(works, 1, "1")
    bomb(kafka, control, records=2500)
    publish(works.settings, MODEL, "2")
    wait_for_swaps(works, 2, "2")
    left_open = transactional(works, f"{control}-open")
    publish(works.settings, MODEL, "3")
    wait_for_swaps(works, 3, "3")
    transactional(works, f"{control}-ended").commit_transaction(60)
    state = read_control(works.settings)
    assert state.log.newest(MODEL).champion.version == "3"
    assert sum("unpacks to more" in (r.rejected or "") for r in state.records) == 1
    works.start_worker()
    wait_for_swaps(works, 3, "3", workers=2)
    publish(works.settings, MODEL, "4")
    wait_for_swaps(works, 4, "4", workers=2)
    swapped = swaps(works)
    large = [e for e in works.model_events("rejected") if "unpacks to more than" in e.reason]
    assert len(large) == 2, "each worker tells once of a batch, not of each of its records"
    left_open.abort_transaction(60)
    bomb(kafka, works.topics.model_events.name, records=100)
    members = {e for e, *_ in swapped}
    answers = call_roll(works.settings, MODEL, members, patience=30.0)
    assert [answer.sequence for answer in answers] == [4, 4]


def test_what_a_revoked_key_wrote_counts_no_longer_on_workers_that_run(works: Works) -> None:
    keys = works.settings.keys
    for number in "123":
        works.store_version(number, float(number))
    publish(works.settings, MODEL, "1")
    stolen = Ed25519PrivateKey.generate()
    keyid = trust(keys, "deployments", TrustedKey(stolen.public_key()))
    works.start_worker()
    works.start_worker()
    wait_for_swaps(works, 1, "1", workers=2)
    for sequence in (2, 3):
        works.deploy("2", works.store.find(MODEL, "2").digest, sequence, key=stolen)
    wait_for_swaps(works, 3, "2", workers=2)
    revoke(keys, "deployments", keyid)
    assert publish(works.settings, MODEL, "3").sequence == 2
    wait_for_swaps(works, 2, "3", workers=2)
    works.start_worker()
    wait_for_swaps(works, 2, "3", workers=3)
    works.send(*works.events(40))
    assert {p.model.version for p in works.wait_for_predictions(40)} == {"3"}
    assert all(times == 1 for (_, *to), times in swaps(works).items() if to == [2, "3"])
    refused = [e.reason for e in works.model_events("rejected") if f"signed by {keyid}" in e.reason]
    assert len(refused) == 2 * 2 + 2, "by the two that ran, and by the one that started"


def test_without_a_key_that_counts_workers_go_on_and_say_so(works: Works) -> None:
    works.store_version("1", 1.0)
    works.store_version("2", 2.0)
    publish(works.settings, MODEL, "1")
    [(keyid, key)] = load_trusted_keys(works.settings.keys, "deployments").items()
    stolen = Ed25519PrivateKey.generate()
    other = trust(works.settings.keys, "deployments", TrustedKey(stolen.public_key()))
    worker = works.start_worker()
    wait_for_swaps(works, 1, "1")
    works.deploy("2", works.store.find(MODEL, "2").digest, 2, key=stolen)
    wait_for_swaps(works, 2, "2")
    revoke(works.settings.keys, "deployments", other)
    works.wait_for(lambda: swaps(works).total() == 3, "what the valid log says, by itself")
    assert works.model_events("swapped")[-1].version == "1"
    revoke(works.settings.keys, "deployments", keyid)
    works.wait_for(lambda: works.model_events("kept"), "being told")
    [kept] = works.model_events("kept")
    assert (kept.sequence, kept.version) == (1, "1")
    assert kept.reason.startswith("no deployment of it is signed by a trusted key any more")
    works.send(*works.events(20))
    assert {p.model.version for p in works.wait_for_predictions(20)} == {"1"}
    [answer] = call_roll(works.settings, MODEL, [kept.member], patience=30.0)
    assert answer.reason == kept.reason
    trust(works.settings.keys, "deployments", key)

    def confirmed() -> bool:
        [answer] = call_roll(works.settings, MODEL, [kept.member], patience=30.0)
        return answer.reason is None

    works.wait_for(confirmed, "the deployment counts again")
    assert swaps(works).total() == 3, "nothing had to be swapped"
    assert worker.process.poll() is None


def test_a_pause_takes_effect_at_once_and_only_resuming_loads(works: Works) -> None:
    digest = works.store_version("1", 1.0)
    publish(works.settings, MODEL, "1")
    works.start_worker()
    wait_for_swaps(works, 1, "1")
    works.deploy("2", "f" * 64, 2)  # which no store has
    pause(works.settings, MODEL, "version 2 is nowhere to be found")
    wait_for_swaps(works, 3, "2")
    store = Path(works.settings.store_url)
    away = store.rename(store.with_name("away"))
    works.start_worker()
    wait_for_swaps(works, 3, "2", workers=2)
    works.send(*works.events(40))
    works.wait_for(lambda: len(works.records(works.topics.waiting.name)) == 40, "40 that wait")
    assert works.predictions() == works.dead_letters() == []
    works.deploy("1", digest, 4)
    wait_for_swaps(works, 4, "1")  # it was loaded before the pause
    works.wait_for(lambda: works.model_events("kept"), "the other one still has nothing")
    [kept] = works.model_events("kept")
    assert (kept.sequence, kept.version) == (3, "2")
    away.rename(store)
    wait_for_swaps(works, 4, "1", workers=2)
    assert return_waiting(works.settings, MODEL) == 40
    assert {p.event_id for p in works.wait_for_predictions(40)} == {f"e{n}" for n in range(40)}
