"""Which rows count as sent, by the delivery reports."""

import pytest

from contracts.errors import DeliveryError
from producers.acknowledged_prefix import AcknowledgedPrefix
from producers.unacknowledged import Delivery


def delivered(offset: int, topic: str = "features", partition: int = 0) -> Delivery:
    return Delivery(topic, partition, offset)


def test_a_row_is_done_when_its_event_and_its_label_are_acknowledged() -> None:
    prefix = AcknowledgedPrefix()
    prefix.begin(2)
    prefix.delivered(delivered(10))
    assert prefix.rows_done == 0
    prefix.delivered(delivered(3, "labels"))
    assert (prefix.rows_done, prefix.acknowledged) == (1, 1)
    assert prefix.positions == {"features": {0: 11}, "labels": {0: 4}}


def test_a_report_that_comes_before_the_rows_second_record_is_sent_counts_for_the_row() -> None:
    prefix = AcknowledgedPrefix()
    prefix.begin(2)
    prefix.delivered(delivered(0))
    prefix.withdraw()  # the label was refused
    assert prefix.rows_done == 1


def test_rows_with_nothing_to_send_are_done_but_wait_for_those_before() -> None:
    prefix = AcknowledgedPrefix(first_row=5)
    prefix.begin(1)
    prefix.begin(0)
    assert prefix.rows_done == 5
    prefix.delivered(delivered(0))
    assert (prefix.rows_done, prefix.acknowledged) == (7, 1)


def test_nothing_after_a_failed_record_counts() -> None:
    prefix = AcknowledgedPrefix(positions={"features": {0: 7}})
    for _ in range(3):
        prefix.begin(1)
    prefix.delivered(delivered(7))
    prefix.delivered(Delivery("features", -1, -1, DeliveryError("lost")))
    prefix.delivered(delivered(8))
    assert prefix.rows_done == 1
    assert prefix.positions == {"features": {0: 8}}
    assert prefix.first_failure is not None


def test_positions_given_at_the_start_are_not_changed_for_the_giver() -> None:
    given = {"features": {0: 7}}
    prefix = AcknowledgedPrefix(positions=given)
    prefix.begin(1)
    prefix.delivered(delivered(9))
    assert given == {"features": {0: 7}}


@pytest.mark.parametrize("records", [1, 2])
def test_a_row_that_was_refused_whole_is_done_and_not_counted(records: int) -> None:
    prefix = AcknowledgedPrefix()
    prefix.begin(records)
    for _ in range(records):
        prefix.withdraw()
    assert (prefix.rows_done, prefix.acknowledged) == (1, 0)


def test_an_event_whose_label_is_on_its_way_stays_behind_the_positions() -> None:
    prefix = AcknowledgedPrefix()
    prefix.begin(2)
    prefix.delivered(delivered(4))
    assert (prefix.rows_done, prefix.positions) == (0, {})
    prefix.delivered(delivered(9, "labels", 1))
    assert (prefix.rows_done, prefix.positions) == (1, {"features": {0: 5}, "labels": {1: 10}})


def test_a_row_that_sends_labels_only_is_done_and_not_counted_as_an_event() -> None:
    prefix = AcknowledgedPrefix()
    prefix.begin(2, event=False)
    prefix.delivered(delivered(0, "labels"))
    prefix.delivered(delivered(1, "labels"))
    prefix.begin(2)
    prefix.withdraw(event=True)
    prefix.delivered(delivered(2, "labels"))
    assert (prefix.rows_done, prefix.acknowledged) == (2, 0)


def test_where_the_topics_stood_before_a_marked_row_is_kept() -> None:
    prefix = AcknowledgedPrefix(positions={"features": {0: 3}}, mark=2)
    for offset in range(3, 6):
        assert prefix.marked is None or offset == 5
        prefix.begin(1)
        prefix.delivered(delivered(offset))
    assert prefix.marked == {"features": {0: 5}}
    assert AcknowledgedPrefix(first_row=3, mark=2).marked is None


def test_a_mark_on_the_first_row_is_where_the_topics_stood_at_the_start() -> None:
    prefix = AcknowledgedPrefix(positions={"features": {0: 3}}, mark=0)
    prefix.begin(1)
    prefix.delivered(delivered(3))
    assert prefix.marked == {"features": {0: 3}}
