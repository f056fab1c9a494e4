"""Names of indices and ids of documents."""

from datetime import UTC, datetime, timedelta, timezone
from fnmatch import fnmatch

import pytest

from contracts.events import ModelRef, Source
from contracts.settings import Settings
from prediction_log.indices import IndexNames, coordinates_id, prediction_id

NAMES = IndexNames(Settings())
MARCH = datetime(2013, 3, 31, 23, 30, tzinfo=UTC)
SOURCE = Source("features", "uuid", 3, 41)


def test_predictions_are_split_by_model_and_month_of_the_event():
    assert NAMES.predictions("flights", MARCH) == "millrace-predictions-flights-2013.03"


def test_the_date_is_that_of_utc():
    in_berlin = MARCH.astimezone(timezone(timedelta(hours=2)))

    assert in_berlin.month == 4
    assert NAMES.labels("flights", in_berlin) == "millrace-labels-flights-2013.03"


def test_indices_of_days_are_a_setting():
    names = IndexNames(Settings(index_granularity="day"))

    assert names.predictions("flights", MARCH) == "millrace-predictions-flights-2013.03.31"


def test_years_have_four_digits():
    assert NAMES.predictions("m", datetime(33, 1, 1, tzinfo=UTC)).endswith("-0033.01")


@pytest.mark.parametrize("year", [1, 1970, 2019, 2100, 9999])
def test_dead_letters_with_an_incredible_send_time_share_one_index(year: int):
    sent_at = datetime(year, 6, 1, tzinfo=UTC)

    assert NAMES.dead_letters(sent_at) == "millrace-dead-letters-undated"


def test_other_dead_letters_go_by_month_and_model_events_by_year():
    sent_at = datetime(2026, 11, 2, tzinfo=UTC)

    assert NAMES.dead_letters(sent_at) == "millrace-dead-letters-2026.11"
    assert NAMES.model_events(sent_at) == "millrace-model-events-2026"


def test_the_pattern_of_a_model_matches_no_other_model():
    pattern = NAMES.pattern("predictions", "flights")

    assert fnmatch(NAMES.predictions("flights", MARCH), pattern)
    assert not fnmatch(NAMES.predictions("flights_late", MARCH), pattern)


def test_champion_and_canary_share_the_serving_slot_of_an_event():
    champion = prediction_id(SOURCE, ModelRef("flights", "1", "champion"))

    assert champion == "uuid-3-41-serving"
    assert prediction_id(SOURCE, ModelRef("flights", "2", "canary")) == champion


def test_each_shadow_version_has_a_slot_of_its_own():
    assert prediction_id(SOURCE, ModelRef("flights", "7", "shadow")) == "uuid-3-41-shadow-7"


def test_a_recreated_topic_gives_other_ids():
    assert coordinates_id(SOURCE) != coordinates_id(Source("features", "another", 3, 41))
