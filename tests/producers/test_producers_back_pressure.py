"""How far a producer runs ahead of Kafka, with records that are decided when the test says so."""

import threading
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError

from producers.unacknowledged import Delivery, Unacknowledged


class Record:
    """A sent record; stands in for kafka-python's future."""

    def __init__(self) -> None:
        self.partition, self.offset = 0, 5
        self.value: Any = self
        self.exception: Exception | None = None
        self._decided = threading.Event()

    @property
    def is_done(self) -> bool:
        return self._decided.is_set()

    def decide(self, error: Exception | None = None) -> None:
        self.exception = error
        self._decided.set()

    def get(self, timeout: float | None = None) -> Any:
        if not self._decided.wait(timeout):
            raise KafkaTimeoutError("too late")
        if self.exception:
            raise self.exception
        return self


def queue(records: int, size: int = 1, limit: int = 10) -> tuple[Unacknowledged, list[Record]]:
    pending, sent = Unacknowledged(limit, 100), [Record() for _ in range(records)]
    for record in sent:
        pending.add(record, "features", size, None)
    return pending, sent


def test_there_is_no_room_beyond_the_number_of_records() -> None:
    assert not queue(9)[0].full
    assert queue(10)[0].full


def test_there_is_no_room_beyond_the_number_of_bytes() -> None:
    assert queue(2, size=50)[0].full


def test_waiting_for_room_ends_when_kafka_acknowledges() -> None:
    pending, sent = queue(10)
    threading.Timer(0.05, sent[0].decide).start()
    assert pending.wait(lambda: not pending.full, 30)
    assert len(pending) == 9


def test_waiting_for_room_ends_with_the_timeout_when_kafka_is_silent() -> None:
    pending, _ = queue(10)
    assert not pending.wait(lambda: not pending.full, 0.05)
    assert len(pending) == 10


def test_records_are_reported_in_the_order_of_sending() -> None:
    pending, reports = Unacknowledged(10, 100), []
    sent = [Record() for _ in range(3)]
    for number, record in enumerate(sent):
        record.offset = number
        pending.add(record, "features", 1, reports.append)
    sent[2].decide()
    sent[1].decide(KafkaTimeoutError("gone"))
    pending.report()
    assert reports == []
    sent[0].decide()
    pending.report()
    assert reports[0] == Delivery("features", 0, 0)
    assert "gone" in str(reports[1].error)
    assert reports[2].offset == 2


def test_failures_without_a_callback_are_counted_with_the_first_reason() -> None:
    pending, sent = queue(3)
    sent[0].decide(KafkaTimeoutError("first"))
    sent[1].decide()
    sent[2].decide(KafkaTimeoutError("second"))
    pending.report()
    assert pending.failures == 2
    assert "first" in pending.first_failure
    assert not pending


@pytest.mark.parametrize("failing", [True, False])
def test_waiting_survives_the_failure_of_the_record_it_waits_for(failing: bool) -> None:
    pending, sent = queue(2)
    threading.Timer(0.05, sent[0].decide, [KafkaTimeoutError("x") if failing else None]).start()
    threading.Timer(0.10, sent[1].decide).start()
    assert pending.wait(lambda: not pending, 30)
