"""Publishing on a real Kafka: sequences grow, one of two publishers wins, nothing bad goes out."""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import confluent_kafka
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from msgspec.structs import replace
from service_processes import ServiceProcesses

import trainer.deployments.deploying
from contracts.control_topic import ControlState, read_control
from contracts.deployments import PAYLOAD_TYPE, Canary, ControlLog, DeployedVersion, Deployment
from contracts.errors import (
    ConfigurationError,
    DeploymentError,
    MillraceError,
    PackageError,
    SignatureError,
    UsageError,
)
from contracts.kafka import create_topics, librdkafka_settings, python_client_settings
from contracts.keys import generate_keys, load_private_key, load_trusted_keys
from contracts.model_events import ModelEvent
from contracts.model_store import ModelStore
from contracts.settings import Settings
from contracts.signatures import seal
from contracts.topics import Topics
from trainer import Recipe, deploy, publish, train
from trainer.releasing import train_and_publish

pytestmark = pytest.mark.stack


@pytest.fixture
def ready(settings: Settings, orders: Path) -> Settings:
    """Keys, topics and one version of the model `m`."""
    generate_keys(settings.keys)
    create_topics(settings)
    train_again(settings, orders)
    return settings


def train_again(settings: Settings, orders: Path) -> str:
    return train(Recipe(model="m", data=str(orders), target="fraud"), settings).version


def send(settings: Settings, value: bytes, **more: Any) -> None:
    producer = KafkaProducer(**python_client_settings(settings))
    topic = Topics(settings).model_control.name
    producer.send(topic, key=b"m", value=value, **more).get(timeout=30)
    producer.close()


def send_signed(settings: Settings, deployment: Deployment, **more: Any) -> None:
    key = load_private_key(settings.keys, "deployments")
    send(settings, seal(msgspec.json.encode(deployment), PAYLOAD_TYPE, key), **more)


class NotText(str):
    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


def as_a_worker_reads(settings: Settings) -> ControlLog:
    """The control topic by the client of the workers, which looks at values alone."""
    log = ControlLog(settings.environment, load_trusted_keys(settings.keys, "deployments"))
    consumer = confluent_kafka.Consumer(
        {**librdkafka_settings(settings), "group.id": "w", "enable.partition.eof": True}
    )
    topic = Topics(settings).model_control.name
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, 0)])
    while (message := consumer.poll(30)) is not None and message.error() is None:
        with suppress(MillraceError):
            log.accept(message.value(), None)
    assert message is not None, "no end of the topic"
    consumer.close()
    return log


def model_events(settings: Settings) -> list[ModelEvent]:
    partition = TopicPartition(Topics(settings).model_events.name, 0)
    consumer = KafkaConsumer(**python_client_settings(settings), auto_offset_reset="earliest")
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    end = consumer.end_offsets([partition])[partition]
    events: list[ModelEvent] = []
    while consumer.position(partition) < end:
        for record in consumer.poll(timeout_ms=500).get(partition, []):
            events.append(msgspec.json.decode(record.value, type=ModelEvent))
    consumer.close()
    return events


def test_each_publication_has_the_next_sequence_and_the_newest_version(
    ready: Settings, orders: Path
) -> None:
    first = publish(ready, "m", reason="the first")
    train_again(ready, orders)
    second = publish(ready, "m", reason="a newer one")
    back = publish(ready, "m", "1", reason="the old one was better")
    assert [d.sequence for d in (first, second, back)] == [1, 2, 3]
    assert [d.champion.version for d in (first, second, back)] == ["1", "2", "1"]
    assert read_control(ready).log.history == {"m": [first, second, back]}


def test_the_same_bytes_are_not_published_twice(ready: Settings) -> None:
    first = deploy(ready, "m")
    again = deploy(ready, "m", "1")
    assert (first.changed, again.changed) == (True, False)
    assert again.deployment == first.deployment
    assert len(read_control(ready).records) == 1


def test_a_container_trains_and_publishes_in_one_step(
    ready: Settings, orders: Path, running: ServiceProcesses, tmp_path: Path
) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'model = "m"\ndata = "{orders}"\ntarget = "fraud"\n')
    publish(ready, "m")
    again = running.start("trainer", [str(recipe), "--publish", "--if-better"])
    assert again.process.wait(120) == 4
    assert "not published: roc_auc is" in again.output
    anyhow = running.start("trainer", [str(recipe), "--publish"])
    assert anyhow.process.wait(120) == 0
    assert [d.champion.version for d in read_control(ready).log.history["m"]] == ["1", "3"]
    alone = running.start("trainer", [str(recipe), "--if-better"])
    assert alone.process.wait(60) == 2


def test_what_publishing_needs_is_looked_at_before_the_training(
    ready: Settings, orders: Path
) -> None:
    (ready.keys / "deployments.pem").unlink()
    with pytest.raises(ConfigurationError, match="no key to sign deployments"):
        train_and_publish(Recipe(model="m", data=str(orders), target="fraud"), ready)
    assert list(ModelStore(ready.store_url).versions("m")) == ["1"], "nothing was trained"


def test_of_two_publishers_at_once_exactly_one_wins(
    ready: Settings, orders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train_again(ready, orders)
    both_have_read = threading.Barrier(2)
    read = trainer.deployments.deploying.read_control
    waited = threading.local()

    def read_then_wait(settings: Settings) -> ControlState:
        state = read(settings)
        if not getattr(waited, "once", False):
            waited.once = True
            both_have_read.wait(60)
        return state

    monkeypatch.setattr(trainer.deployments.deploying, "read_control", read_then_wait)
    won: list[Deployment] = []
    lost: list[str] = []

    def publisher(version: str) -> None:
        try:
            won.append(publish(ready, "m", version, reason=f"publisher of {version}"))
        except DeploymentError as error:
            lost.append(str(error))

    threads = [threading.Thread(target=publisher, args=(version,)) for version in ("1", "2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert [len(won), len(lost)] == [1, 1]
    assert f"sequence 1 of 'm' is version {won[0].champion.version}" in lost[0]
    state = read_control(ready)
    assert state.log.newest("m") == won[0]
    assert [record.rejected is None for record in state.records] == [True, False]


def test_canary_and_shadows_stay_unless_they_become_the_champion(
    ready: Settings, orders: Path
) -> None:
    first = publish(ready, "m")
    train_again(ready, orders)
    digests = ModelStore(ready.store_url).versions("m")
    other = DeployedVersion("7", "7" * 64)
    send_signed(
        ready,
        replace(
            first,
            sequence=2,
            canary=Canary("2", digests["2"], 0.1),
            shadows=(other, DeployedVersion("2", digests["2"])),
        ),
    )
    promoted = publish(ready, "m", "2")
    assert promoted.sequence == 3
    assert promoted.canary is None
    assert promoted.shadows == (other,)


def test_messages_that_nobody_signed_do_not_count(ready: Settings) -> None:
    first = publish(ready, "m")
    forged = replace(first, sequence=9)
    send(ready, b"not an envelope")
    send(ready, seal(msgspec.json.encode(forged), PAYLOAD_TYPE, Ed25519PrivateKey.generate()))
    send_signed(ready, replace(forged, environment="elsewhere"))
    state = read_control(ready)
    assert state.log.newest("m") == first
    reasons = [record.rejected or "" for record in state.records]
    for reason, part in zip(
        reasons, ("", "not a signed envelope", "signed by", "environment 'elsewhere'"), strict=True
    ):
        assert part in reason


def test_a_deployment_counts_by_its_signature_whatever_its_headers_are(ready: Settings) -> None:
    first = publish(ready, "m")
    hostile = [(NotText("x"), b"1")]
    second = replace(first, sequence=2, reason="sent by another client")
    send(ready, b"not an envelope", headers=hostile)
    send_signed(ready, second, headers=hostile)
    state = read_control(ready)
    assert [record.rejected is None for record in state.records] == [True, False, True]
    assert state.log.history == as_a_worker_reads(ready).history == {"m": [first, second]}
    assert publish(ready, "m", "1") == second  # in force already


def test_a_send_time_that_no_calendar_has_does_no_harm(ready: Settings) -> None:
    send(ready, b"not an envelope", timestamp_ms=-(2**62))
    assert publish(ready, "m").sequence == 1


def test_what_a_worker_would_refuse_is_never_published(ready: Settings) -> None:
    store = ModelStore(ready.store_url)
    digest = store.versions("m")["1"]
    payload = Path(ready.store_url) / "m" / "packages" / digest / "payload"
    good = payload.read_bytes()
    payload.write_bytes(good[:-1] + b"x")
    with pytest.raises(PackageError, match="altered"):
        publish(ready, "m")
    payload.write_bytes(good)
    for key in (ready.keys / "trusted" / "packages").iterdir():
        key.unlink()
    with pytest.raises(SignatureError, match="trusted keys here: none"):
        publish(ready, "m")
    assert read_control(ready).records == ()


def test_a_package_under_another_version_number_is_refused(ready: Settings, orders: Path) -> None:
    train_again(ready, orders)
    versions = Path(ready.store_url) / "m" / "versions"
    (versions / "2").write_bytes((versions / "1").read_bytes())
    with pytest.raises(DeploymentError, match="says that it is version 1 of 'm'"):
        publish(ready, "m", "2")
    assert read_control(ready).records == ()


def test_training_and_publishing_are_told_as_model_events(ready: Settings, orders: Path) -> None:
    deployment = publish(ready, "m", reason="told")
    train_again(ready, orders)
    trained, gate, published, again = model_events(ready)
    assert (gate.event, gate.version, gate.reason) == ("gate_passed", "1", None)
    assert {"golden samples", "one row, ms"} <= {check.name for check in gate.checks}
    assert (trained.event, trained.version, trained.model) == ("trained", "1", "m")
    assert (published.event, published.sequence, published.control_offset) == ("published", 1, 0)
    assert (published.reason, published.digest) == ("told", deployment.champion.digest)
    assert (again.event, again.version, again.previous_version) == ("trained", "2", "1")


def test_the_parent_is_the_version_in_service_not_the_newest(ready: Settings, orders: Path) -> None:
    publish(ready, "m")
    train_again(ready, orders)
    third = train(Recipe(model="m", data=str(orders), target="fraud"), ready)
    assert (third.version, third.manifest.parent) == ("3", "1")


def test_a_publisher_whom_no_worker_trusts_is_told_so(ready: Settings) -> None:
    for key in (ready.keys / "trusted" / "deployments").iterdir():
        key.unlink()
    with pytest.raises(DeploymentError, match="no worker will accept it"):
        publish(ready, "m")


def test_mistakes_get_a_sentence(ready: Settings) -> None:
    with pytest.raises(UsageError, match=r"no model 'other': train it first.*there are: m"):
        publish(ready, "other")
    with pytest.raises(UsageError, match="no version '9'; it has: 1"):
        publish(ready, "m", "9")
    with pytest.raises(UsageError, match="model name"):
        publish(ready, "../m")


def test_without_the_control_topic_the_sentence_says_what_to_run(
    settings: Settings, orders: Path
) -> None:
    generate_keys(settings.keys)
    train_again(settings, orders)
    with pytest.raises(ConfigurationError, match=r"has no topic .*'millrace up'"):
        publish(settings, "m")
