"""When labels are sent that are known some time after their events."""

from datetime import UTC, datetime, timedelta

from contracts.events import FeatureEvent, Label
from producers.late_labels import Events, with_labels_due

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hourly(rows: int) -> Events:
    for row in range(rows):
        at = START + row * HOUR
        event = FeatureEvent(
            event_id=str(row), entity_id="n", occurred_at=at, model="m", features={}
        )
        # Every fourth has none.
        has = row % 4 != 3
        yield event, Label(event_id=str(row), model="m", label=1, occurred_at=at) if has else None


def due(first: int, rows: int, delay: timedelta) -> list[tuple[str, list[int]]]:
    events = hourly(rows)
    if not delay:
        events = list(events)[first:]
    found = with_labels_due(events, first, rows, delay)
    return [(event.event_id, [row for row, _ in labels]) for event, labels in found]


def test_without_a_delay_a_label_is_sent_with_its_event() -> None:
    assert due(0, 5, timedelta()) == [("0", [0]), ("1", [1]), ("2", [2]), ("3", []), ("4", [4])]
    assert due(3, 5, timedelta()) == [("3", []), ("4", [4])]


def test_a_label_is_sent_when_the_stream_has_got_to_its_time_and_the_rest_at_the_end() -> None:
    sent = due(0, 6, 2 * HOUR)
    assert sent == [("0", []), ("1", []), ("2", [0]), ("3", [1]), ("4", [2]), ("5", [4, 5])]


def test_a_label_has_occurred_so_much_later_than_its_event() -> None:
    for event, labels in with_labels_due(hourly(6), 0, 6, timedelta(minutes=90)):
        for row, label in labels:
            assert label.event_id == str(row)
            assert label.occurred_at == START + row * HOUR + timedelta(minutes=90)
            assert event.event_id == "5" or label.occurred_at <= event.occurred_at  # type: ignore[operator]


def test_what_goes_on_later_sends_the_labels_of_earlier_rows_that_are_due_then() -> None:
    whole = due(0, 9, 3 * HOUR)
    assert due(5, 9, 3 * HOUR) == whole[5:]
    assert sum(len(labels) for _, labels in whole) == 7
