"""Records of hostile clients neither stop nor falsify what the demonstration shows."""

from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer
from waiting import wait_until

from contracts.events import Source
from contracts.kafka import create_topics, describe_topics, python_client_settings
from contracts.settings import Settings
from contracts.topics import Topics
from examples.flights.audit import Ledger
from examples.flights.live import Live
from prediction_log.template import install_template

pytestmark = pytest.mark.stack


class NotText(str):
    def encode(self, *_: Any) -> bytes:
        return b"\xff\xfe"


def test_header_names_that_are_not_text_do_not_count_as_predictions(settings: Settings) -> None:
    create_topics(settings)
    install_template(settings)
    topics = Topics(settings)
    features, predictions = topics.features.name, topics.predictions.name
    topic_id = describe_topics(settings, [features])[features].id
    ledger, live = Ledger(settings, "m"), Live(settings, "m")
    producer = KafkaProducer(**python_client_settings(settings), linger_ms=1000)
    for offset in range(5):
        headers = [(NotText("x"), b"1")] if offset % 2 else []
        answer = {
            "source": Source(features, topic_id, 0, offset),
            "model": {"name": "m", "version": "1", "role": "champion"},
            "latency": {"queue_ms": 1, "inference_ms": 1, "total_ms": 1, "event_age_ms": 1},
        }
        producer.send(features, b"{}", headers=headers, partition=0)
        producer.send(predictions, msgspec.json.encode(answer), headers=headers, partition=0)
    producer.close()
    try:
        wait_until(lambda: live.reading().predictions == 3)
    finally:
        live.close()
    account = ledger.audit()
    assert (account.events, account.predictions, account.lost) == (5, 3, 5)
