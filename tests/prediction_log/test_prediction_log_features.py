"""Where a feature goes in a document."""

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prediction_log.features import Features, read_features, split

values = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


def test_numbers_and_words_go_to_places_of_their_own():
    features = split({"distance": 1400.5, "hour": 9, "carrier": "UA"})

    assert features == Features(num={"distance": 1400.5, "hour": 9}, cat={"carrier": "UA"})


def test_booleans_become_words():
    assert split({"holiday": True, "delayed": False}).cat == {"holiday": "true", "delayed": "false"}


def test_nulls_are_left_out():
    assert split({"wind": None}) == Features({}, {})


@pytest.mark.parametrize("name", ["", " ", "\t", "\u3000", "x" * 513])
def test_names_that_elasticsearch_refuses_are_left_out(name: str):
    assert split({name: 1.0, "kept": 2.0}) == Features({"kept": 2.0}, {})


def test_a_feature_that_changes_its_type_changes_its_place():
    assert split({"gate": 7.0}).num == {"gate": 7.0}
    assert split({"gate": "7B"}).cat == {"gate": "7B"}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(max_size=8), values) | st.dictionaries(st.text(), st.floats(-1, 1)))
def test_features_that_are_passed_on_say_the_same_as_those_that_are_sorted(features):
    read = read_features(msgspec.Raw(msgspec.json.encode(features)))
    assert msgspec.to_builtins(msgspec.json.decode(msgspec.json.encode(read))) == (
        msgspec.to_builtins(split(features))
    )


@pytest.mark.parametrize("received", [b'{"a": 1,\n"b": 2}', b'{"a": 3, "a": 1, "b": 2}'])
def test_what_would_break_a_bulk_request_or_its_document_is_written_anew(received: bytes):
    assert read_features(msgspec.Raw(received)) == Features({"a": 1, "b": 2}, {})


def test_numbers_are_passed_on_as_they_came():
    received = msgspec.Raw(b'{"a": 1.50, "b": 2}')
    assert read_features(received) == Features(received, {})


@pytest.mark.parametrize("received", [b'{"a": {"b": 1}}', b'{"a": [1]}', b"[1]", b'{"a": 1e999}'])
def test_what_is_no_flat_object_is_refused(received: bytes):
    with pytest.raises(msgspec.ValidationError):
        read_features(msgspec.Raw(received))


def test_no_features_are_none():
    assert read_features(msgspec.Raw(b"null")) is None
