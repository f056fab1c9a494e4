"""Whatever stands on a topic, and whoever is still writing, those who follow it read on."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from bombs import bomb
from confluent_kafka import Producer

from contracts.following import FollowedTopic
from contracts.kafka import create_topics, librdkafka_settings
from contracts.settings import Settings
from contracts.topics import Topics

pytestmark = pytest.mark.stack


@pytest.fixture
def alerts(settings: Settings) -> str:
    create_topics(settings)
    return Topics(settings).alerts.name


@pytest.fixture
def followed(settings: Settings, alerts: str) -> Iterator[FollowedTopic]:
    with closing(FollowedTopic(settings, alerts)) as topic:
        yield topic


def send(settings: Settings, topic: str, value: bytes) -> None:
    producer = Producer(librdkafka_settings(settings))
    producer.produce(topic, value, partition=0)
    assert producer.flush(30) == 0


def test_each_record_is_given_once_and_a_bomb_is_one_record(
    settings: Settings, alerts: str, followed: FollowedTopic
) -> None:
    send(settings, alerts, b"before")
    assert list(followed.new_values()) == [b"before"]
    bomb(settings.kafka, alerts, records=2500)
    send(settings, alerts, b"behind")
    assert list(followed.new_values()) == [b"", b"behind"]
    assert list(followed.new_values()) == []


def test_a_transaction_that_stays_open_hides_nothing_of_others(
    settings: Settings, alerts: str, followed: FollowedTopic
) -> None:
    hanging = Producer({**librdkafka_settings(settings), "transactional.id": settings.topic_prefix})
    hanging.init_transactions(30)
    hanging.begin_transaction()
    hanging.produce(alerts, b"never ended", partition=0)
    hanging.flush(30)
    send(settings, alerts, b"an alert")
    assert list(followed.new_values())[-1] == b"an alert"
    hanging.abort_transaction(30)
    assert list(followed.new_values()) == []
